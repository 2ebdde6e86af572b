// Bytes of a connection -> requests. Bounded in everything; what breaks the grammar or a bound is a
// Refusal with the status to answer.
#pragma once

#include <memory>
#include <string_view>

#include "serve/http.h"

namespace transept::serve {

class RequestReader {
 public:
  explicit RequestReader(const HttpOptions& options);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  // Takes bytes up to the end of this request; returns how many.
  std::size_t feed(std::string_view bytes);
  [[nodiscard]] bool has_header() const;
  [[nodiscard]] bool is_done() const;
  [[nodiscard]] bool expects_continue() const;  // 100-continue
  [[nodiscard]] bool keeps_alive() const;
  [[nodiscard]] bool is_http_1_0() const;
  [[nodiscard]] HttpRequest take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace transept::serve
