// What a model folder or a memory file is: for `transept inspect`. Never throws for broken input:
// what is wrong is part of the answer.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "model/config.h"

namespace transept {

struct ModelReport {
  std::string family;
  Config config;
  int64_t parameters = 0;                      // each counted once, however often it is used
  std::map<std::string, size_t> stored_bytes;  // by storage type: "f32", "f16", "bf16"
  size_t packed_bytes = 0;
  std::string tokenizer;             // empty: none
  std::string fingerprint;           // empty: the weights could not be loaded
  std::vector<std::string> prompts;  // what it says that its decoder can be asked
};

struct MemoryReport {
  int rows = 0;
  int width = 0;
  int segments = 0;
  bool of_tokens = true;  // or of another source
  std::string text_hash;
  std::string fingerprint;  // of the model that made it
};

struct Report {
  std::filesystem::path path;
  std::optional<ModelReport> model;    // as far as it could be read
  std::optional<MemoryReport> memory;  // of a file
  std::vector<std::string> problems;   // empty: all is well
};

[[nodiscard]] Report inspect(const std::filesystem::path& path, ThreadPool& pool);

[[nodiscard]] std::string to_text(const Report& report);
[[nodiscard]] std::string to_json(const Report& report);  // one object, without a line break

}  // namespace transept
