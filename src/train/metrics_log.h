// metrics.jsonl: one line per interval of training, per validation and per event, in the order of
// steps. A resumed training drops the lines that lie behind its checkpoint and will come again.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace transept {

class MetricsLog {
 public:
  // Keeps the lines up to `step` of what is there.
  MetricsLog(std::filesystem::path file, int64_t step);

  // {"step": …, "epoch": …, …}; Error io. Numbers that are not finite are written as null.
  void add(int64_t step, const std::vector<std::pair<std::string, double>>& numbers);
  void add_event(int64_t step, const std::string& event, const std::string& text);

  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

 private:
  void append(std::string line);
  std::filesystem::path file_;
  std::vector<std::string> lines_;
};

}  // namespace transept
