#include "train/metrics_log.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace transept {
namespace {

// Nothing where the line is not one that was written here.
std::optional<int64_t> step_of(const std::string& line) {
  try {
    return JsonDocument::parse(line, "metrics").root().at("step").as_int();
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

MetricsLog::MetricsLog(std::filesystem::path file, int64_t step) : file_(std::move(file)) {
  if (!file_exists(file_)) return;
  const std::string text = read_file(file_);
  std::string kept;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    if (end == std::string::npos) break;  // cut short when the last run was killed
    std::string line = text.substr(at, end - at);
    at = end + 1;
    const std::optional<int64_t> line_step = step_of(line);
    if (!line_step) break;  // what a loss of power left; the log is not synced
    if (*line_step > step) continue;
    kept += line + "\n";
    lines_.push_back(std::move(line));
  }
  write_file_atomic(file_, kept);
}

void MetricsLog::append(std::string line) {
  std::FILE* file = std::fopen(file_.c_str(), "ab");
  const std::string whole = line + "\n";
  const bool ok =
      file != nullptr && std::fwrite(whole.data(), 1, whole.size(), file) == whole.size();
  const int error = errno;
  const bool closed = file == nullptr || std::fclose(file) == 0;
  check(
      ok && closed, ErrorCode::io, "{}: cannot write: {}", [&] { return file_.string(); },
      [&] { return std::strerror(ok ? errno : error); });
  lines_.push_back(std::move(line));
}

void MetricsLog::add(int64_t step, const std::vector<std::pair<std::string, double>>& numbers) {
  JsonWriter w;
  w.begin_object().member("step", step);
  for (const auto& [name, value] : numbers) w.member(name, value);
  append(w.end_object().take());
}

void MetricsLog::add_event(int64_t step, const std::string& event, const std::string& text) {
  JsonWriter w;
  w.begin_object().member("step", step).member("event", event).member("text", text);
  append(w.end_object().take());
}

}  // namespace transept
