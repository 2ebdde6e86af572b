// Messages of the library: handed to a callback, never printed. Without a callback they are
// dropped.
#pragma once

#include <functional>
#include <string>

namespace transept {

enum class LogLevel { debug, info, warning };

using LogSink = std::function<void(LogLevel, const std::string&)>;

void set_log_sink(LogSink sink);  // call before threads start
void log(LogLevel level, const std::string& message);

}  // namespace transept
