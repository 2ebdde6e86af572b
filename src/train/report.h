// report.html: how a training went.
#pragma once

#include <string>
#include <vector>

namespace transept {

struct ReportParts {
  struct Metric {
    std::string key;  // "bleu", as in metrics.jsonl
    bool lower_is_better = false;
  };
  std::string title;
  std::string subtitle;
  std::vector<std::string> lines;  // of metrics.jsonl
  std::vector<Metric> metrics;
  std::string config;  // the settings, as TOML
};

// The curves as one self-contained page: style, script and data inline, nothing fetched.
[[nodiscard]] std::string render_report(const ReportParts& parts);

}  // namespace transept
