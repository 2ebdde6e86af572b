// HTTP/1.1 as the handlers see it: a request, an exchange to answer it, and the server that owns
// the sockets. The third-party part is in http.cpp alone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "serve/loop.h"
#include "serve/options.h"

namespace transept::serve {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;
  std::string path;   // percent-decoded
  std::string query;  // as sent, after "?"
  Fields headers;
  std::optional<std::uint64_t> content_length;
  bool is_chunked = false;
  std::string body;    // once it was read
  std::string remote;  // address of the client

  // The first header of this name, case ignored; empty if there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  Fields headers = {};
};

// One request on its way to an answer. It is handed over when its header is complete; what is
// answered without read_body() costs no byte of the body, and ends the connection if one is on its
// way. The answer: either send() once, or begin() and write() any number of times. Each returns
// when the bytes are with the kernel: a slow reader is waited for.
class Exchange {
 public:
  virtual ~Exchange() = default;
  HttpRequest request;
  Scope scope;
  Fields common_headers;  // of whatever answer

  // Reads the rest of the request into request.body. Refusal 413 for more than `most` bytes, 408
  // for one that takes too long, 503 if all bodies together take more than HttpOptions allows.
  virtual Task<void> read_body(std::size_t most) = 0;
  // Counts what is made for this request as if it were a part of its body: answers of megabytes.
  // Refusal 503, or 413 for what never fits.
  virtual void hold(std::size_t bytes) = 0;
  [[nodiscard]] virtual int status() const = 0;  // of the answer
  [[nodiscard]] virtual bool has_begun() const = 0;
  virtual Task<void> send(Response response) = 0;
  virtual Task<void> begin(Response head) = 0;
  virtual Task<void> write(std::string chunk) = 0;
};

class HttpServer : public Loop {
 public:
  // Listens at once. Error io if the address cannot be had, usage for a bad address.
  [[nodiscard]] static std::unique_ptr<HttpServer> make(const HttpOptions& options);

  using Handler = std::function<Task<void>(Exchange&)>;
  // Serves until stop() or SIGTERM/SIGINT, then drains; a second one cancels. `handler` answers
  // every request and does not throw.
  virtual void run(Handler handler) = 0;
  virtual void stop() = 0;  // any thread
  // What else SIGHUP reads again, on the I/O thread. Before run().
  virtual void on_reload(std::function<void()> f) = 0;
  [[nodiscard]] virtual int port() const = 0;
  [[nodiscard]] virtual bool is_draining() const = 0;
  [[nodiscard]] virtual int n_connections() const = 0;
  [[nodiscard]] virtual std::size_t bytes_in_flight() const = 0;  // of bodies and large answers
};

// Fields of "a=1&b=2", percent-decoded. Error bad_data where that is not UTF-8 text.
[[nodiscard]] Fields parse_form(std::string_view text);
[[nodiscard]] std::string percent_decode(std::string_view text, bool plus_is_space);
[[nodiscard]] bool same_ignoring_case(std::string_view a, std::string_view b);

}  // namespace transept::serve
