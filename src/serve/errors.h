// What a request may be refused with, and the one table from Error codes to HTTP status.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace transept::serve {

// An Error that knows its HTTP status: too many requests, no such path, …
class Refusal : public Error {
 public:
  Refusal(int status, const std::string& message, int retry_after_seconds = 0)
      : Error(ErrorCode::limit, message),
        status_(status),
        retry_after_seconds_(retry_after_seconds) {}
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] int retry_after_seconds() const { return retry_after_seconds_; }

 private:
  int status_;
  int retry_after_seconds_;
};

// A failure as the surfaces write it.
struct Failure {
  int status = 500;
  std::string code;  // "not_found": the name of the ErrorCode, or of the status
  std::string message;
  int retry_after_seconds = 0;  // 0: none
};

// Call inside a catch block.
[[nodiscard]] Failure current_failure();
[[nodiscard]] std::string_view reason_of(int status);  // "Not Found"

}  // namespace transept::serve
