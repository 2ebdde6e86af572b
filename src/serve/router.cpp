#include "serve/router.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <random>

#include "base/json.h"
#include "base/log.h"
#include "base/utf8.h"
#include "serve/header_rules.h"

namespace transept::serve {

using Clock = std::chrono::steady_clock;

struct LogEntry {
  std::string route = "other";
  std::string key;
  std::string error;
  std::string trace;                       // W3C traceparent of this request
  Clock::time_point begin = Clock::now();  // of its header; of its answer once its body is there
  int status = 200;
  double seconds = 0;
  std::int64_t source_tokens = 0;
  std::int64_t output_tokens = 0;
};

namespace {

bool is_lower_hex(std::string_view text, size_t size) {
  return text.size() == size &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos &&
         text.find_first_not_of('0') != std::string_view::npos;
}

// The client's trace goes on with a span of our own; without one it begins here.
std::string next_trace(std::string_view given) {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  std::string id;
  std::string flags = "00";
  if (given.size() == 55 && given.starts_with("00-") && is_lower_hex(given.substr(3, 32), 32) &&
      is_lower_hex(given.substr(36, 16), 16)) {
    id = given.substr(3, 32);
    flags = given.substr(53, 2) == "01" ? "01" : "00";
  } else {
    id = fmt::format("{:016x}{:016x}", random() | 1, random());
  }
  return fmt::format("00-{}-{:016x}-{}", id, random() | 1, flags);
}

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    if (path.front() == '/') path.remove_prefix(1);
    const size_t end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

bool matches(std::string_view pattern, std::string_view path, std::vector<std::string>& found) {
  found.clear();
  const auto wanted = segments_of(pattern);
  const auto given = segments_of(path);
  if (wanted.size() != given.size() || !path.starts_with('/')) return false;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].starts_with('{'))
      found.emplace_back(given[i]);
    else if (wanted[i] != given[i])
      return false;
  }
  return true;
}

// Refusal 411, 415.
void check_body(const HttpRequest& request, BodyKind kind) {
  const std::string_view encoding = request.header("Content-Encoding");
  if (!encoding.empty() && !same_ignoring_case(encoding, "identity"))
    throw Refusal(415, "the body has a Content-Encoding; send it as it is");
  if (request.method != "POST" && request.method != "PUT") return;
  if (!request.content_length && !request.is_chunked)
    throw Refusal(411, "the request has no body: there is no Content-Length");
  const std::string_view type = request.header("Content-Type");
  std::string_view essence = type.substr(0, type.find(';'));
  while (essence.ends_with(' ') || essence.ends_with('\t')) essence.remove_suffix(1);
  if (essence.empty() || kind == BodyKind::data || kind == BodyKind::none) return;
  // curl -d says "form" whatever it sends; what is not JSON fails in the parser.
  for (const char* known : {"application/json", "application/x-www-form-urlencoded", "text/plain"})
    if (same_ignoring_case(essence, known)) return;
  throw Refusal(415, kind == BodyKind::json
                         ? "the body should be application/json"
                         : "the body should be application/json or a URL-encoded form");
}

Response refusal(const Failure& failure, ErrorBody body) {
  Response response;
  response.status = failure.status;
  response.body = body(failure);
  if (failure.retry_after_seconds > 0)
    response.headers.emplace_back("Retry-After", std::to_string(failure.retry_after_seconds));
  if (failure.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace

std::string native_error_body(const Failure& failure) {
  JsonWriter json;
  json.begin_object().key("error").begin_object();
  json.member("code", failure.code).member("message", replace_invalid_utf8(failure.message));
  json.end_object().end_object();
  return json.take();
}

Router::Router(Service& service) : service_(service) {
  add_operation_routes(routes_);
  add_native_routes(routes_);
  add_libretranslate_routes(routes_);
  add_openai_routes(routes_);
  add_huggingface_routes(routes_);
  add_deepl_routes(routes_);
}

Router::Match Router::find(const std::string& method, const std::string& path) const {
  Match match;
  std::string_view pattern;
  std::vector<std::string> parameters;
  const std::string_view wanted = method == "HEAD" ? "GET" : std::string_view(method);
  for (const Route& route : routes_) {
    if (!matches(route.path, path, parameters)) continue;
    if (pattern.empty()) pattern = route.path;
    if (pattern != route.path) continue;  // "/v1/memories/concat" is no "/v1/memories/{id}"
    if (route.method == wanted) {
      match.route = &route;
      match.parameters = parameters;
      return match;
    }
    match.allowed += (match.allowed.empty() ? "" : ", ") + std::string(route.method);
  }
  return match;
}

// A page of another origin must not use this server through a visitor's browser: neither by a plain
// cross-origin POST nor by a name that it lets point here (DNS rebinding).
void Router::check_origin(const HttpRequest& request) const {
  const std::string_view host = request.header("Host");
  const std::string_view origin = request.header("Origin");
  const std::string& allowed = service_.options.cors_origin;
  if (!origin.empty() && allowed != "*" && origin != allowed) {
    const size_t scheme = origin.find("://");
    if (scheme == std::string_view::npos || !same_ignoring_case(origin.substr(scheme + 3), host))
      throw Refusal(403, "pages of another origin may not ask; --cors-origin allows one");
  }
  const std::string& address = service_.options.http.address;
  const bool loopback = address.starts_with("127.") || address == "::1";
  if (!loopback || host.empty()) return;
  const std::string name = host_name(host);
  const bool own_address =
      name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string_view::npos;
  if (name != "localhost" && name != "[::1]" && !own_address && name != address)
    throw Refusal(403, "this server listens on this machine only, its name is localhost");
}

Task<void> Router::answer(Exchange& exchange, const Match& match, LogEntry& entry) {
  const HttpRequest& request = exchange.request;
  check_origin(request);
  if (request.method == "OPTIONS" && !service_.options.cors_origin.empty()) {
    Response preflight;
    preflight.status = 204;
    preflight.headers = {{"Access-Control-Allow-Methods", "GET, POST, PUT, DELETE"},
                         {"Access-Control-Allow-Headers", "Authorization, Content-Type"},
                         {"Access-Control-Max-Age", "600"}};
    co_await exchange.send(std::move(preflight));
    co_return;
  }
  if (match.route == nullptr) {
    if (match.allowed.empty())
      throw Refusal(404, "there is nothing at this path; /openapi.json lists what there is");
    throw Refusal(405, "this path takes " + match.allowed);
  }
  Admission::Key& key = key_of(request, *match.route);
  entry.key = key.name;
  exchange.scope.owner = key.number;
  check_body(request, match.route->body);
  const bool has_key = &key != &service_.admission->everybody();
  co_await exchange.read_body(most_body_bytes(*match.route, has_key));
  entry.begin = Clock::now();
  Call call{service_, exchange, key, match.parameters, 0, 0};
  co_await run_handler(call, *match.route, entry);
}

Task<void> Router::run_handler(Call& call, const Route& route, LogEntry& entry) {
  Scope& scope = call.exchange.scope;
  const auto deadline = service_.http->after(service_.options.deadline_ms,
                                             [&scope] { scope.cancel(Ended::deadline); });
  std::exception_ptr error;
  try {
    co_await route.handler(call);
  } catch (...) {
    error = std::current_exception();
  }
  entry.source_tokens = call.source_tokens;
  entry.output_tokens = call.output_tokens;
  if (error) std::rethrow_exception(error);
}

// Who asks, by the header. Refusal 401.
Admission::Key& Router::key_of(const HttpRequest& request, const Route& route) const {
  Admission& admission = *service_.admission;
  if (route.access == Access::everybody) return admission.everybody();
  const std::string_view authorization = request.header("Authorization");
  std::string_view api_key = request.header("X-API-Key");
  if (api_key.empty()) api_key = request.header("api-key");
  const bool names_none = authorization.empty() && api_key.empty();
  if (route.access == Access::field && names_none) return admission.everybody();
  return admission.key_of(authorization, api_key);
}

size_t Router::most_body_bytes(const Route& route, bool has_key) const {
  const HttpOptions& http = service_.options.http;
  if (route.body == BodyKind::data) return http.max_data_bytes;
  const bool unknown = service_.admission->needs_key() && !has_key;
  return unknown ? std::min(http.max_body_bytes, kMostUnkeyedBytes) : http.max_body_bytes;
}

Task<void> Router::handle(Exchange& exchange) {
  LogEntry entry;
  entry.trace = next_trace(exchange.request.header("traceparent"));
  const Match match = find(exchange.request.method, exchange.request.path);
  if (match.route != nullptr) entry.route = match.route->path;
  exchange.common_headers.emplace_back("traceparent", entry.trace);
  if (!service_.options.cors_origin.empty())
    exchange.common_headers.emplace_back("Access-Control-Allow-Origin",
                                         service_.options.cors_origin);
  Failure failure;
  bool failed = false;
  try {
    co_await answer(exchange, match, entry);
    entry.status = exchange.status();
  } catch (...) {
    failure = current_failure();
    failed = true;
  }
  if (failed) {
    entry.status = failure.status;
    entry.error = failure.message;
    const ErrorBody body = match.route != nullptr ? match.route->error_body : native_error_body;
    Response response = refusal(failure, body);
    if (failure.status == 405) response.headers.emplace_back("Allow", match.allowed);
    try {
      if (!exchange.has_begun() && exchange.scope.ended() != Ended::client_gone)
        co_await exchange.send(std::move(response));
    } catch (const Error&) {
      entry.status = 499;
    }
  }
  entry.seconds = std::chrono::duration<double>(Clock::now() - entry.begin).count();
  service_.metrics.requested(entry.route, entry.status, entry.seconds);
  if (service_.options.log_requests) log_request(exchange, entry);
}

void Router::log_request(const Exchange& exchange, const LogEntry& entry) const {
  const HttpRequest& request = exchange.request;
  JsonWriter json;
  json.begin_object();
  const auto now = std::chrono::system_clock::now();
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  json.member("time", fmt::format("{:%FT%T}.{:03}Z", fmt::gmtime(since.count() / 1000),
                                  since.count() % 1000));
  json.member("level", entry.status >= 500 ? "warning" : "info").member("message", "request");
  json.member("method", request.method).member("path", request.path);
  json.member("route", entry.route).member("status", entry.status);
  json.member("ms", std::round(entry.seconds * 1e5) / 100).member("remote", request.remote);
  json.member("traceparent", entry.trace);
  if (!entry.key.empty()) json.member("key", entry.key);
  if (entry.source_tokens > 0) json.member("source_tokens", entry.source_tokens);
  if (entry.output_tokens > 0) json.member("output_tokens", entry.output_tokens);
  if (!entry.error.empty()) json.member("error", replace_invalid_utf8(entry.error));
  json.end_object();
  service_.options.log_line(json.take());
}

}  // namespace transept::serve
