// What the people who run the server ask: is it alive, is it ready, what has it done, what can it
// do; and the files of the playground.
#include "serve/api/native.h"
#include "serve/router.h"
#include "serve/web_files.h"

namespace transept::serve {
namespace {

constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

Task<void> health(Call& call) {
  co_await send_json(call, R"({"status":"alive"})");
}

Task<void> ready(Call& call) {
  const bool is_ready = !call.service.http->is_draining();
  co_await send_json(call, is_ready ? R"({"status":"ready"})" : R"({"status":"stopping"})",
                     is_ready ? 200 : 503);
}

Task<void> metrics(Call& call) {
  Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = call.service.metrics.text(call.service);
  co_await call.exchange.send(std::move(response));
}

// "/", "/openapi.json" or "/web/app.js"
std::string_view read_web_file(const std::string& path) {
  static const std::vector<EmbeddedFile> kFiles = web_files();
  const std::string_view name =
      path == "/" ? "index.html" : std::string_view(path).substr(path.rfind('/') + 1);
  for (const EmbeddedFile& file : kFiles) {
    if (file.name == name)
      return {reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size()};
  }
  throw Refusal(404, "there is nothing at this path; /openapi.json lists what there is");
}

std::string_view content_type(std::string_view path) {
  if (path.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (path.ends_with(".css")) return "text/css; charset=utf-8";
  if (path.ends_with(".svg")) return "image/svg+xml";
  if (path.ends_with(".json")) return "application/json";
  return "text/html; charset=utf-8";
}

Task<void> web_file(Call& call) {
  const std::string& path = call.exchange.request.path;
  Response response;
  response.content_type = content_type(path);
  response.body = read_web_file(path);
  response.headers = {{"Content-Security-Policy", kPolicy},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Referrer-Policy", "no-referrer"},
                      {"Cache-Control", "no-cache"}};
  co_await call.exchange.send(std::move(response));
}

}  // namespace

void add_operation_routes(std::vector<Route>& routes) {
  routes.push_back({"GET", "/health", health, native_error_body, Access::everybody});
  routes.push_back({"GET", "/ready", ready, native_error_body, Access::everybody});
  routes.push_back({"GET", "/metrics", metrics, native_error_body, Access::everybody});
  routes.push_back({"GET", "/", web_file, native_error_body, Access::everybody});
  routes.push_back({"GET", "/openapi.json", web_file, native_error_body, Access::everybody});
  routes.push_back({"GET", "/web/{file}", web_file, native_error_body, Access::everybody});
}

}  // namespace transept::serve
