// Any bytes as an HTTP request, in pieces: a Refusal or a request, whose parts are text.
#include "base/error.h"
#include "serve/request_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace transept;
  serve::HttpOptions options;
  options.max_header_bytes = 1024;
  options.max_body_bytes = 4096;
  options.max_data_bytes = 8192;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  try {
    serve::RequestReader reader(options);
    std::string inbox;
    while (!rest.empty() && !reader.is_done()) {
      const size_t piece = std::min<size_t>(rest.size(), 1 + rest.size() % 37);
      inbox += rest.substr(0, piece);
      rest.remove_prefix(piece);
      inbox.erase(0, reader.feed(inbox));
    }
    if (!reader.is_done()) return 0;
    const serve::HttpRequest request = reader.take();
    if (request.body.size() > options.max_data_bytes) __builtin_trap();
    (void)serve::parse_form(request.query);
    (void)serve::parse_form(request.body);
  } catch (const Error&) {
  }
  return 0;
}
