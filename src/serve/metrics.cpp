#include "serve/metrics.h"

#include <fmt/format.h>

#include "serve/service.h"

namespace transept::serve {
namespace {

void head(std::string& out, const char* name, const char* type, const char* help) {
  out += fmt::format("# HELP transept_{} {}\n# TYPE transept_{} {}\n", name, help, name, type);
}

template <class T>
void single(std::string& out, const char* name, const char* type, const char* help, T value) {
  head(out, name, type, help);
  out += fmt::format("transept_{} {}\n", name, value);
}

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\' || c == '"') result += '\\';
    if (c == '\n')
      result += "\\n";
    else
      result += c;
  }
  return result;
}

template <class F>
void per_model(std::string& out, const Service& service, const char* name, const char* type,
               const char* help, F&& value) {
  head(out, name, type, help);
  for (const auto& engine : service.engines)
    out += fmt::format("transept_{}{{model=\"{}\"}} {}\n", name, escaped(engine->name()),
                       value(engine->counters()));
}

void batch_sizes(std::string& out, const Service& service) {
  head(out, "batch_size", "histogram", "requests stepped together, per decoding step");
  for (const auto& engine : service.engines) {
    const EngineCounters counters = engine->counters();
    const std::string model = escaped(engine->name());
    std::int64_t sum = 0;
    for (size_t i = 0; i < counters.batch_sizes.size(); ++i) {
      sum += counters.batch_sizes[i];
      out += fmt::format("transept_batch_size_bucket{{model=\"{}\",le=\"{}\"}} {}\n", model,
                         std::int64_t{1} << i, sum);
    }
    out += fmt::format("transept_batch_size_bucket{{model=\"{}\",le=\"+Inf\"}} {}\n", model,
                       counters.steps);
    out += fmt::format("transept_batch_size_sum{{model=\"{}\"}} {}\n", model,
                       counters.stepped_requests);
    out += fmt::format("transept_batch_size_count{{model=\"{}\"}} {}\n", model, counters.steps);
  }
}

void store(std::string& out, const MemoryStore& memories) {
  const StoreCounters& c = memories.counters();
  head(out, "memory_lookups_total", "counter", "memories asked for, by where they were found");
  out += fmt::format("transept_memory_lookups_total{{found=\"ram\"}} {}\n", c.hits);
  out += fmt::format("transept_memory_lookups_total{{found=\"disk\"}} {}\n", c.disk_hits);
  out += fmt::format("transept_memory_lookups_total{{found=\"no\"}} {}\n", c.misses);
  head(out, "memory_evictions_total", "counter", "memories that had to leave");
  out += fmt::format("transept_memory_evictions_total{{from=\"ram\"}} {}\n", c.evictions);
  out += fmt::format("transept_memory_evictions_total{{from=\"disk\"}} {}\n", c.disk_evictions);
  single(out, "memory_damaged_files_total", "counter", "files that were not what their name says",
         c.damaged);
  head(out, "memory_bytes", "gauge", "size of the memories kept");
  out += fmt::format("transept_memory_bytes{{in=\"ram\"}} {}\n", memories.ram().bytes());
  out += fmt::format("transept_memory_bytes{{in=\"disk\"}} {}\n", memories.disk().bytes());
  head(out, "memories", "gauge", "number of memories kept");
  out += fmt::format("transept_memories{{in=\"ram\"}} {}\n", memories.ram().count());
  out += fmt::format("transept_memories{{in=\"disk\"}} {}\n", memories.disk().count());
}

}  // namespace

void Metrics::requested(const std::string& route, int status, double seconds) {
  ++requests_[{route, status}];
  seconds_ += seconds;
  size_t bucket = 0;
  while (bucket < kSeconds.size() && seconds > kSeconds[bucket]) ++bucket;
  ++durations_[bucket];
}

void Metrics::answered(int source_tokens, int prompt_tokens, int output_tokens) {
  source_tokens_ += source_tokens;
  prompt_tokens_ += prompt_tokens;
  output_tokens_ += output_tokens;
}

std::string Metrics::text(const Service& service) const {
  std::string out;
  head(out, "requests_total", "counter", "HTTP requests answered");
  for (const auto& [key, n] : requests_)
    out += fmt::format("transept_requests_total{{route=\"{}\",status=\"{}\"}} {}\n",
                       escaped(key.first), key.second, n);
  head(out, "request_seconds", "histogram", "time from the request's last byte to the answer's");
  std::int64_t sum = 0;
  for (size_t i = 0; i < kSeconds.size(); ++i) {
    sum += durations_[i];
    out += fmt::format("transept_request_seconds_bucket{{le=\"{}\"}} {}\n", kSeconds[i], sum);
  }
  sum += durations_.back();
  out += fmt::format("transept_request_seconds_bucket{{le=\"+Inf\"}} {}\n", sum);
  out += fmt::format("transept_request_seconds_sum {}\ntransept_request_seconds_count {}\n",
                     seconds_, sum);
  single(out, "source_tokens_total", "counter", "input tokens of answers, encoded here or not",
         source_tokens_);
  single(out, "prompt_tokens_total", "counter", "prompt tokens of answers", prompt_tokens_);
  single(out, "output_tokens_total", "counter", "tokens generated for answers", output_tokens_);
  single(out, "connections", "gauge", "open connections", service.http->n_connections());
  single(out, "bytes_in_flight", "gauge", "bodies and large answers of the requests being answered",
         service.http->bytes_in_flight());
  if (service.options.n_log_lines_dropped)
    single(out, "log_lines_dropped_total", "counter", "log lines that nobody read in time",
           service.options.n_log_lines_dropped());
  single(out, "admitted_tokens", "gauge", "estimated tokens of the requests being answered",
         service.admission->tokens());
  using C = const EngineCounters&;
  per_model(out, service, "queue", "gauge", "requests that wait to be encoded or decoded",
            [](C c) { return c.waiting; });
  per_model(out, service, "active", "gauge", "requests being decoded",
            [](C c) { return c.active; });
  per_model(out, service, "encoder_runs_total", "counter", "inputs encoded",
            [](C c) { return c.work.encoder_runs; });
  per_model(out, service, "encoded_tokens_total", "counter", "input tokens encoded",
            [](C c) { return c.work.source_tokens; });
  per_model(out, service, "encode_seconds_total", "counter", "time spent encoding",
            [](C c) { return c.work.encode_seconds; });
  per_model(out, service, "decode_seconds_total", "counter", "time spent decoding",
            [](C c) { return c.work.decode_seconds; });
  batch_sizes(out, service);
  store(out, *service.store);
  return out;
}

}  // namespace transept::serve
