// Router: method and path -> handler; keys, errors, CORS, metrics and the log for all of them.
#pragma once

#include <string>
#include <vector>

#include "serve/errors.h"
#include "serve/service.h"

namespace transept::serve {

using Handler = Task<void> (*)(Call& call);
using ErrorBody = std::string (*)(const Failure& failure);  // a surface's way to say no, as JSON

// Whose requests a path takes.
enum class Access {
  key,        // who has a key in the header, where the server has keys
  everybody,  // needs none
  field       // a key in the header, or one in the body: the handler looks, see kMostUnkeyedBytes
};
// What a request's body holds. Anything else is refused before it is read.
enum class BodyKind { none, json, form, data };

struct Route {
  const char* method;
  const char* path;  // "/v1/memories/{id}": one segment stands for a parameter
  Handler handler;
  ErrorBody error_body;
  Access access = Access::key;
  BodyKind body = BodyKind::json;  // of POST and PUT
};

// Of a body that is read to find the key in it.
inline constexpr size_t kMostUnkeyedBytes = 64 << 10;

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
  Task<void> run_handler(Call& call, const Route& route, struct LogEntry& entry);
  void check_origin(const HttpRequest& request) const;
  [[nodiscard]] Admission::Key& key_of(const HttpRequest& request, const Route& route) const;
  [[nodiscard]] size_t most_body_bytes(const Route& route, bool has_key) const;
  void log_request(const Exchange& exchange, const struct LogEntry& entry) const;

  Service& service_;
  std::vector<Route> routes_;
};

[[nodiscard]] std::string native_error_body(const Failure& failure);

}  // namespace transept::serve
