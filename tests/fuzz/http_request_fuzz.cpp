// Any bytes as an HTTP request, in pieces: a Refusal or a request, whose parts are text.
#include "base/error.h"
#include "serve/header_rules.h"
#include "serve/request_reader.h"

namespace {

using namespace transept;

// What must hold of every header that is let through: one reading, whoever reads it.
void check_rules(const serve::HttpRequest& request, const serve::RequestReader& reader) {
  int hosts = 0;
  int framings = 0;
  for (const auto& [name, value] : request.headers) {
    if (name.find_first_of(" \t\r\n:") != std::string::npos) __builtin_trap();
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) __builtin_trap();
    hosts += serve::same_ignoring_case(name, "Host") ? 1 : 0;
    framings += serve::same_ignoring_case(name, "Content-Length") ? 1 : 0;
    framings += serve::same_ignoring_case(name, "Transfer-Encoding") ? 1 : 0;
  }
  if (hosts > 1 || (hosts == 0 && !reader.is_http_1_0())) __builtin_trap();
  if (request.is_chunked && request.content_length) __builtin_trap();
  if (framings == 0 && !reader.is_done()) __builtin_trap();
  if (framings > 1 && !request.is_chunked) __builtin_trap();
  if (!request.path.starts_with('/') && request.path != "*") __builtin_trap();
  if (hosts == 1 && serve::host_name(request.header("Host")).empty()) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  serve::HttpOptions options;
  options.max_header_bytes = 1024;
  options.max_body_bytes = 4096;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  try {
    serve::RequestReader reader(options);
    serve::HttpRequest request;
    std::string inbox;
    bool has_header = false;
    while (!rest.empty() && !reader.is_done()) {
      const size_t piece = std::min<size_t>(rest.size(), 1 + rest.size() % 37);
      inbox += rest.substr(0, piece);
      rest.remove_prefix(piece);
      inbox.erase(0, reader.feed(inbox));
      if (!has_header && reader.has_header()) {
        has_header = true;
        request = reader.take_header();
        check_rules(request, reader);
        reader.limit_body(options.max_body_bytes);
        inbox.erase(0, reader.feed(inbox));
      }
    }
    if (!reader.is_done()) return 0;
    request.body = reader.take_body();
    if (request.body.size() > options.max_body_bytes) __builtin_trap();
    if (!request.is_chunked && request.body.size() != request.content_length.value_or(0))
      __builtin_trap();
    (void)serve::parse_form(request.query);
    (void)serve::parse_form(request.body);
  } catch (const Error&) {
  }
  return 0;
}
