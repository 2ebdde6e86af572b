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

  // Takes bytes up to the end of the header, and after that up to the end of the body; returns how
  // many.
  std::size_t feed(std::string_view bytes);
  [[nodiscard]] bool has_begun() const;
  [[nodiscard]] bool has_header() const;
  [[nodiscard]] bool is_done() const;
  [[nodiscard]] bool expects_continue() const;  // 100-continue
  [[nodiscard]] bool keeps_alive() const;
  [[nodiscard]] bool is_http_1_0() const;
  // After the header: the request without its body.
  [[nodiscard]] HttpRequest take_header();
  void limit_body(std::size_t most);  // Refusal 413 now or later
  [[nodiscard]] std::size_t body_size() const;
  [[nodiscard]] std::string take_body();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace transept::serve
