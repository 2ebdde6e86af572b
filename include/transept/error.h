// The one exception type of the library: a code that a program can act on and a line that a person
// can.
#pragma once

#include <stdexcept>
#include <string>

namespace transept {

enum class ErrorCode {
  usage,        // the caller asked for something that makes no sense (exit code 2)
  bad_data,     // the contents of a file, a request or a text are wrong (65)
  not_found,    // a file or folder is missing (66)
  io,           // reading or writing failed: permissions, a full disk (74)
  unsupported,  // well formed, but transept cannot run it
  mismatch,     // two things that do not belong together: a memory and another model
  limit,        // larger than the model or a configured bound allows
  cancelled,    // stopped on request
  internal,     // a defect of transept
};

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message)
      : std::runtime_error(without_zeros(message)), code_(code) {}
  [[nodiscard]] ErrorCode code() const noexcept { return code_; }

 private:
  // what() ends at a zero byte: one that the message quotes must not cut it.
  [[nodiscard]] static std::string without_zeros(std::string message) {
    for (size_t at = 0; (at = message.find('\0', at)) != std::string::npos;)
      message.replace(at, 1, "\\0");
    return message;
  }

  ErrorCode code_;
};

}  // namespace transept
