// Router: method and path -> handler; keys, errors, CORS, metrics and the log for all of them.
#pragma once

#include <string>
#include <vector>

#include "serve/errors.h"
#include "serve/service.h"

namespace transept::serve {

using Handler = Task<void> (*)(Call& call);
using ErrorBody = std::string (*)(const Failure& failure);  // a surface's way to say no, as JSON

struct Route {
  const char* method;
  const char* path;  // "/v1/memories/{id}": one segment stands for a parameter
  Handler handler;
  ErrorBody error_body;
  bool is_open = false;  // needs no API key
};

// Each surface's routes.
void add_native_routes(std::vector<Route>& routes);
void add_operation_routes(std::vector<Route>& routes);
void add_libretranslate_routes(std::vector<Route>& routes);
void add_openai_routes(std::vector<Route>& routes);
void add_huggingface_routes(std::vector<Route>& routes);
void add_deepl_routes(std::vector<Route>& routes);

class Router {
 public:
  explicit Router(Service& service);
  Task<void> handle(Exchange& exchange);

 private:
  struct Match {
    const Route* route = nullptr;
    std::vector<std::string> parameters;
    std::string allowed;  // methods of this path, if only the method is wrong
  };
  [[nodiscard]] Match find(const std::string& method, const std::string& path) const;
  Task<void> answer(Exchange& exchange, const Match& match, struct LogEntry& entry);
  void check_origin(const HttpRequest& request) const;
  void log_request(const Exchange& exchange, const struct LogEntry& entry) const;

  Service& service_;
  std::vector<Route> routes_;
};

[[nodiscard]] std::string native_error_body(const Failure& failure);

}  // namespace transept::serve
