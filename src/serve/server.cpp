#include "serve/server.h"

#include <fmt/format.h>

#include "base/log.h"
#include "serve/router.h"

namespace transept::serve {
namespace {

std::string name_of(const std::string& folder) {
  std::filesystem::path path = std::filesystem::path(folder).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  if (path.filename() == "." || path.filename() == "..") path = std::filesystem::canonical(path);
  return path.filename().string();
}

// A file that is wrong changes nothing.
void reload_keys(Service& service) {
  if (!service.admission->needs_key()) return;
  service.http->post_file_work([&service] {
    try {
      const auto keys = std::make_shared<std::vector<Admission::Key>>(
          Admission::read_keys(service.options.admission));
      service.http->post([&service, keys] { service.admission->replace_keys(std::move(*keys)); });
    } catch (const Error& error) {
      log(LogLevel::warning, std::string("the API keys stay as they were: ") + error.what());
    }
  });
}

}  // namespace

// In this order: engines hand results to the loop, so they stop before it goes.
struct Server::State {
  std::unique_ptr<HttpServer> http;
  std::unique_ptr<ThreadPool> pool;
  Service service;
  std::unique_ptr<Router> router;
};

Server::Server(const ServerOptions& options) : state_(std::make_unique<State>()) {
  State& s = *state_;
  Service& service = s.service;
  service.options = options.service;
  service.admission = std::make_unique<Admission>(options.service.admission);
  s.http = HttpServer::make(options.service.http);
  service.http = s.http.get();
  service.store = std::make_unique<MemoryStore>(*s.http, options.service.store);
  s.pool = std::make_unique<ThreadPool>(options.threads);
  for (const std::string& folder : options.models) {
    EngineOptions engine;
    engine.name = name_of(folder);
    engine.folder = folder;
    engine.model = {.storage = storage_named(options.dtype),
                    .keys = keys_named(options.keys),
                    .normalize_punctuation = options.normalize_punctuation,
                    .translations = {},
                    .languages = {options.source_language, options.target_language},
                    .languages_if_any = options.languages_if_any};
    if (service.engines.empty()) engine.model.translations = options.translations;
    engine.scheduler.max_requests = options.max_requests;
    engine.scheduler.max_request_rows = options.step_rows;
    engine.scheduler.max_rows = std::max(16 * options.step_rows, options.max_requests);
    engine.most_source_tokens = options.most_source_tokens;
    for (const auto& other : service.engines)
      check(other->name() != engine.name, ErrorCode::usage,
            "two models are called {}; rename one of the folders", engine.name);
    service.engines.push_back(std::make_unique<Engine>(engine, *s.http, *s.pool));
    service.store->attach(*service.engines.back());
  }
  s.router = std::make_unique<Router>(service);
  s.http->on_reload([&service] { reload_keys(service); });
}

Server::~Server() = default;

void Server::run() {
  Router& router = *state_->router;
  state_->http->run([&router](Exchange& exchange) { return router.handle(exchange); });
  log(LogLevel::info, "stopped");
}

void Server::stop() {
  state_->http->stop();
}

int Server::port() const {
  return state_->http->port();
}

std::string Server::url() const {
  const HttpOptions& http = state_->service.options.http;
  const bool is_v6 = http.address.find(':') != std::string::npos;
  return fmt::format("{}://{}:{}", http.certificate.empty() ? "http" : "https",
                     is_v6 ? "[" + http.address + "]" : http.address, port());
}

void serve(const ServerOptions& options, const std::function<void(const std::string&)>& listening) {
  Server server(options);
  listening(server.url());
  server.run();
}

}  // namespace transept::serve
