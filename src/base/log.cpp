#include "base/log.h"

#include <mutex>

namespace transept {
namespace {
std::mutex sink_mutex;
LogSink& sink() {
  static LogSink instance;
  return instance;
}
}  // namespace

void set_log_sink(LogSink new_sink) {
  const std::lock_guard lock(sink_mutex);
  sink() = std::move(new_sink);
}

void log(LogLevel level, const std::string& message) {
  const std::lock_guard lock(sink_mutex);
  if (sink()) sink()(level, message);
}

}  // namespace transept
