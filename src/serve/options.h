// What a server can be told. Plain values: whoever sets them needs no other header of the server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "io/tasks.h"

namespace transept::serve {

struct HttpOptions {
  std::string address = "127.0.0.1";
  int port = 8080;          // 0: any free one
  std::string certificate;  // PEM files; both or none
  std::string private_key;
  int max_connections = 1024;
  std::size_t max_header_bytes = 16 << 10;
  std::size_t max_body_bytes = 4 << 20;
  std::size_t max_data_bytes = 256 << 20;                    // of an uploaded memory
  std::size_t max_bytes_in_flight = std::size_t{512} << 20;  // bodies and large answers of all
  int header_timeout_ms = 10'000;                            // from its first byte to its last
  int body_timeout_ms = 60'000;
  int idle_timeout_ms = 75'000;
  int write_timeout_ms = 30'000;  // without the client taking anything
  int drain_ms = 30'000;          // after SIGTERM, before requests are cancelled
  int force_ms = 10'000;          // after that, before end_by_force
  // Called, on a thread of its own, if the server has not ended by then; with the exit code. It
  // does not return. Empty: the server is waited for.
  std::function<void(int code)> end_by_force;
};

struct StoreOptions {
  std::filesystem::path folder;  // empty: in RAM only
  std::size_t ram_bytes = std::size_t{1} << 30;
  std::size_t disk_bytes = std::size_t{10} << 30;
  std::size_t memory_bytes = std::size_t{64} << 20;  // RAM of one that is joined or uploaded
};

struct KeyLimits {
  std::int64_t tokens_per_minute = 0;  // 0: no limit
  int concurrent = 0;                  // requests at once; 0: no limit
};

struct AdmissionOptions {
  std::filesystem::path key_file;      // empty: everybody may ask
  bool shared_memories = false;        // keys do not separate memories
  KeyLimits limits;                    // of those whose line names none, and of everybody
  std::int64_t most_tokens = 1 << 20;  // estimated, of all requests being answered
};

struct ServiceOptions {
  HttpOptions http;
  StoreOptions store;
  AdmissionOptions admission;
  int most_new_tokens = 4096;  // a request may not ask for more
  int most_beams = 64;         // nor for more beams, or drawn answers
  int deadline_ms = 300'000;   // of a request that names none
  std::string cors_origin;     // empty: off
  bool log_requests = true;
  std::function<void(const std::string&)> log_line;   // one JSON object; does not block
  std::function<std::int64_t()> n_log_lines_dropped;  // for the metrics; may be empty
};

struct ServerOptions {
  ServiceOptions service;
  std::vector<std::string> models;  // folders
  std::string dtype;                // of their matrices: f32, bf16 or int8; empty: as a folder says
  std::string keys;                 // of keys and values: f32, bf16 or int8; empty: as those say
  std::vector<Translation> translations;  // of the first model, beside those its folder names
  std::string source_language;            // of requests that name none
  std::string target_language;
  bool languages_if_any = false;  // those two count only for models that know languages
  bool normalize_punctuation = false;
  int threads = 0;                // to compute with; 0: one per core
  int max_requests = 32;          // decoded together
  int step_rows = 4;              // of one request in a step; all have sixteen times as many
  int most_source_tokens = 8192;  // where a model has no limit of its own
};

}  // namespace transept::serve
