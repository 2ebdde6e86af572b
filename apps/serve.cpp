// transept serve: models as an HTTP service.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "common.h"
#include "log_writer.h"
#include "reading.h"
#include "serve/server.h"

namespace transept::cli {
namespace {

class ServeVerb : public Verb {
 public:
  ServeVerb() { common_.format = "jsonl"; }  // what reads logs are programs
  void declare(Options& options) override {
    options.positionals("model", models_, "model folders; the first is the default");
    declare_network(options);
    declare_limits(options);
    common_.declare_shared(options);
    common_.declare_dtype(options);
    common_.declare_keys(options);
    options.number("batch-size", server_.max_requests, 1, 65536,
                   "requests decoded together, at most");
    options.number("step-rows", server_.step_rows, 1, 1 << 20,
                   "of one request in a step that others share: beams, or tokens of its prompt");
    options.text("memory-folder", "FOLDER", memory_folder_,
                 "where memories are kept; none: in RAM only");
    options.number("memory-mib", memory_mib_, 0, 1 << 24, "RAM for memories, MiB");
    options.number("memory-disk-mib", disk_mib_, 0, 1 << 24, "disk for memories, MiB");
    options.number("max-memory-mib", most_memory_mib_, 1, 1 << 24,
                   "RAM of one memory that is joined or uploaded, MiB");
    options.texts("translate", "FROM:TO[:PREFIX]", translations_,
                  "a language pair of the first model, and the text put before its inputs");
    languages_.declare(options);
    options.flag("normalize-punctuation", server_.normalize_punctuation,
                 "Marian: normalise punctuation before tokenising, as sacremoses does");
  }

  void run(Options& options) override {
    finish();
    server_.source_language = languages_.source;
    server_.target_language = languages_.target;
    server_.languages_if_any = options.origin("source-language") != Origin::command_line &&
                               options.origin("target-language") != Origin::command_line;
    log_ = std::make_unique<LogWriter>(STDERR_FILENO, [this](std::int64_t n) {
      return shown(event("warning", "log lines were dropped: nobody read them", "dropped", n));
    });
    set_log_sink([this](LogLevel level, const std::string& text) {
      if (level == LogLevel::warning || !common_.quiet)
        log_line(event(level == LogLevel::warning ? "warning" : "info", text, "", ""));
    });
    serve::serve(server_, [this](const std::string& address) { say_listening(address); });
  }

 private:
  void declare_network(Options& options) {
    serve::ServiceOptions& service = server_.service;
    serve::HttpOptions& http = service.http;
    options.text("host", "ADDRESS", http.address, "address to listen on; 127.0.0.1: this machine");
    options.number("port", http.port, 0, 65535, "port to listen on; 0: any free one");
    options.text("tls-certificate", "FILE", http.certificate, "certificate chain, PEM: HTTPS");
    options.text("tls-key", "FILE", http.private_key, "its private key, PEM");
    options.text("api-keys", "FILE", key_file_,
                 "lines NAME SECRET [tokens_per_minute=N] [concurrent=N]");
    options.flag("shared-memories", service.admission.shared_memories,
                 "all keys have the same memories; else each has its own");
    options.text("cors-origin", "ORIGIN", service.cors_origin,
                 "a page's origin that may ask; *: any");
  }

  void declare_limits(Options& options) {
    serve::ServiceOptions& service = server_.service;
    serve::HttpOptions& http = service.http;
    options.number("max-connections", http.max_connections, 1, 1 << 20, "open connections");
    options.number("max-body-kib", body_kib_, 1, 1 << 20, "size of a request's body, KiB");
    options.number("max-in-flight-mib", in_flight_mib_, 1, 1 << 20,
                   "bodies and large answers of all requests, MiB; more get 503");
    options.number("max-new-tokens", service.most_new_tokens, 1, 1 << 24,
                   "most a request may ask for");
    options.number("max-source-tokens", server_.most_source_tokens, 1, 1 << 24,
                   "of an input or a prompt, where the model has no limit");
    options.number("max-beams", service.most_beams, 1, 1024,
                   "beams, or answers drawn, that a request may ask for");
    options.number("max-tokens", most_tokens_, 1, 1 << 30,
                   "estimated tokens of all requests at once; more get 503");
    options.number("tokens-per-minute", limits_per_minute_, 0, 1 << 30,
                   "of a key whose line says nothing; 0: no limit");
    options.number("concurrent", service.admission.limits.concurrent, 0, 1 << 20,
                   "requests of a key at once; 0: no limit");
    options.number("deadline-ms", service.deadline_ms, 1, 1 << 30, "longest time for a request");
    options.number("header-timeout-ms", http.header_timeout_ms, 1, 1 << 30,
                   "for a request's header to arrive");
    options.number("body-timeout-ms", http.body_timeout_ms, 1, 1 << 30, "and its body");
    options.number("idle-timeout-ms", http.idle_timeout_ms, 1, 1 << 30,
                   "between two requests of a connection");
    options.number("write-timeout-ms", http.write_timeout_ms, 1, 1 << 30,
                   "for a client to take some of its answer");
    options.number("drain-ms", http.drain_ms, 0, 1 << 30,
                   "after SIGTERM, before requests are cancelled");
    options.number("force-ms", http.force_ms, 1, 1 << 30,
                   "after that, before the process ends whatever runs, with code 70");
  }

  // What an option says in other units than the server takes.
  void finish() {
    serve::ServiceOptions& service = server_.service;
    check(service.http.certificate.empty() == service.http.private_key.empty(), ErrorCode::usage,
          "--tls-certificate and --tls-key belong together: give both");
    service.http.max_body_bytes = static_cast<size_t>(body_kib_) << 10;
    service.store.folder = memory_folder();
    service.store.ram_bytes = static_cast<size_t>(memory_mib_) << 20;
    service.store.disk_bytes = static_cast<size_t>(disk_mib_) << 20;
    service.store.memory_bytes = static_cast<size_t>(most_memory_mib_) << 20;
    service.admission.key_file = key_file_;
    service.admission.limits.tokens_per_minute = limits_per_minute_;
    service.admission.most_tokens = most_tokens_;
    for (const std::string& pair : translations_) server_.translations.push_back(parse(pair));
    service.log_requests = !common_.quiet;
    service.log_line = [this](const std::string& json) { log_line(json); };
    service.n_log_lines_dropped = [this] { return log_->n_dropped(); };
    service.http.max_bytes_in_flight = static_cast<size_t>(in_flight_mib_) << 20;
    service.http.end_by_force = [this](int code) { end_by_force(code); };
    check_origin(service.cors_origin);
    server_.models = models();
    server_.threads = common_.threads;
    server_.dtype = common_.dtype;
    server_.keys = common_.keys;
  }

  // It becomes a header's value.
  static void check_origin(const std::string& origin) {
    const bool is_one =
        origin.find("://") != std::string::npos &&
        std::all_of(origin.begin(), origin.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    check(origin.empty() || origin == "*" || is_one, ErrorCode::usage,
          "--cors-origin {}: expected an origin like https://example.org, or *",
          [&] { return one_line(origin); });
  }

  // The last word: what still runs is not waited for.
  [[noreturn]] void end_by_force(int code) const {
    log_line(event("warning", "stopped by force: requests did not end in time", "code", code));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // for the log's thread
    _exit(code);
  }

  [[nodiscard]] std::vector<std::string> models() const {
    if (models_.empty()) return {model_folder("default")};
    std::vector<std::string> folders;
    for (const std::string& model : models_) folders.push_back(model_folder(model));
    return folders;
  }

  [[nodiscard]] std::string memory_folder() const {
    if (memory_folder_ == "none") return "";
    if (!memory_folder_.empty()) return memory_folder_;
    if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0')
      return (std::filesystem::path(cache) / "transept" / "memories").string();
    const char* home = std::getenv("HOME");
    check(home != nullptr && *home != '\0', ErrorCode::usage,
          "there is no home folder to keep memories in; give --memory-folder FOLDER, or none");
    return (std::filesystem::path(home) / ".cache" / "transept" / "memories").string();
  }

  static Translation parse(const std::string& text) {
    const size_t colon = text.find(':');
    check(colon != std::string::npos && colon > 0, ErrorCode::usage,
          "--translate {}: expected FROM:TO or FROM:TO:PREFIX, like en:de", text);
    const size_t second = std::min(text.find(':', colon + 1), text.size());
    Translation pair{text.substr(0, colon), text.substr(colon + 1, second - colon - 1),
                     text.substr(std::min(second + 1, text.size()))};
    check(!pair.target.empty(), ErrorCode::usage, "--translate {}: no language to translate into",
          text);
    return pair;
  }

  // Programs read the one, whoever sits before the terminal the other.
  void say_listening(const std::string& address) {
    if (common_.quiet) return;
    log_line(event("info", "listening", "url", address));
    if (is_terminal(STDERR_FILENO))
      log_->line(fmt::format("transept serves at {} (Ctrl-C stops it)", address));
  }

  template <class T>
  static std::string event(const char* level, const std::string& text, const char* key,
                           const T& value) {
    JsonWriter json;
    json.begin_object().member("level", level).member("message", text);
    if (*key != '\0') json.member(key, value);
    json.end_object();
    return json.take();
  }

  void log_line(const std::string& json) const { log_->line(shown(json)); }

  // As JSON, or its values in a row, named where they are not what every line begins with.
  [[nodiscard]] std::string shown(const std::string& json) const {
    if (common_.is_jsonl()) return json;
    const JsonDocument document = JsonDocument::parse(json, "log");
    std::string line;
    document.root().each_member([&](std::string_view key, const Json& value) {
      if (!line.empty()) line += ' ';
      if (key != "time" && key != "level" && key != "message") line.append(key).append("=");
      line +=
          value.is_string() ? std::string(value.as_string()) : fmt::format("{}", value.as_number());
    });
    return one_line(line);
  }

  CommonOptions common_;
  std::vector<std::string> models_;
  serve::ServerOptions server_;
  std::vector<std::string> translations_;
  LanguageOptions languages_;
  std::string memory_folder_;
  std::string key_file_;
  int memory_mib_ = static_cast<int>(serve::StoreOptions().ram_bytes >> 20);
  int disk_mib_ = static_cast<int>(serve::StoreOptions().disk_bytes >> 20);
  int most_memory_mib_ = static_cast<int>(serve::StoreOptions().memory_bytes >> 20);
  int in_flight_mib_ = static_cast<int>(serve::HttpOptions().max_bytes_in_flight >> 20);
  std::unique_ptr<LogWriter> log_;  // longer than the server, which writes to its last moment
  int body_kib_ = static_cast<int>(serve::HttpOptions().max_body_bytes >> 10);
  int most_tokens_ = static_cast<int>(serve::AdmissionOptions().most_tokens);
  int limits_per_minute_ = 0;
};

}  // namespace

VerbEntry serve_verb() {
  return {"serve", "the HTTP server",
          "transept serve flan-t5-small --port 8080\n"
          "curl localhost:8080/v1/memories -d '{\"text\": \"The quick brown fox …\"}'\n"
          "curl localhost:8080/v1/generate -d '{\"memory\": \"ID\", \"prompt\": \"Summarise\"}'",
          [] { return std::unique_ptr<Verb>(std::make_unique<ServeVerb>()); }};
}

}  // namespace transept::cli
