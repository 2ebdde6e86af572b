#include "serve/errors.h"

#include <algorithm>
#include <array>
#include <new>

#include "base/log.h"
#include "serve/off_loop.h"

namespace transept::serve {
namespace {

struct Status {
  int number;
  const char* reason;
  const char* code;
};

constexpr std::array kStatus = {
    Status{200, "OK", ""},
    Status{201, "Created", ""},
    Status{204, "No Content", ""},
    Status{400, "Bad Request", "bad_request"},
    Status{401, "Unauthorized", "unauthorized"},
    Status{403, "Forbidden", "forbidden"},
    Status{404, "Not Found", "not_found"},
    Status{405, "Method Not Allowed", "method_not_allowed"},
    Status{408, "Request Timeout", "timeout"},
    Status{409, "Conflict", "conflict"},
    Status{411, "Length Required", "length_required"},
    Status{413, "Content Too Large", "too_large"},
    Status{415, "Unsupported Media Type", "unsupported_media_type"},
    Status{417, "Expectation Failed", "expectation_failed"},
    Status{422, "Unprocessable Content", "unprocessable"},
    Status{429, "Too Many Requests", "rate_limited"},
    Status{431, "Request Header Fields Too Large", "header_too_large"},
    Status{499, "Client Closed Request", "client_gone"},
    Status{500, "Internal Server Error", "internal"},
    Status{501, "Not Implemented", "unsupported"},
    Status{503, "Service Unavailable", "overloaded"},
    Status{504, "Gateway Timeout", "deadline"},
    Status{505, "HTTP Version Not Supported", "version"},
};

const Status& status_entry(int status) {
  const auto found = std::find_if(kStatus.begin(), kStatus.end(),
                                  [&](const Status& s) { return s.number == status; });
  return found == kStatus.end() ? kStatus.front() : *found;
}

// The one table. What a request names wrongly is 4xx; what fails here is 5xx.
Failure of_code(ErrorCode code, const std::string& message) {
  switch (code) {
    case ErrorCode::usage:
      return {400, "bad_request", message};
    case ErrorCode::bad_data:
      return {400, "bad_data", message};
    case ErrorCode::not_found:
      return {404, "not_found", message};
    case ErrorCode::unsupported:
      return {422, "unsupported", message};
    case ErrorCode::mismatch:
      return {409, "mismatch", message};
    case ErrorCode::limit:
      return {413, "limit", message};
    case ErrorCode::cancelled:
      return {499, "cancelled", message};
    case ErrorCode::io:
      return {500, "io", message};
    case ErrorCode::internal:
      break;
  }
  return {500, "internal", message};
}

// What failed in the server itself – files, mostly – names paths and is no client's business: the
// log has it.
Failure shown(Failure failure) {
  if (failure.status != 500) return failure;
  log(LogLevel::warning, failure.message);
  failure.message = failure.code == "io"
                        ? "the server cannot read or write its own files now; its log says why"
                        : "an internal error; the server's log has it";
  return failure;
}

}  // namespace

Failure current_failure() {
  try {
    throw;
  } catch (const Refusal& refusal) {
    return {refusal.status(), status_entry(refusal.status()).code, refusal.what(),
            refusal.retry_after_seconds()};
  } catch (const Error& error) {
    return shown(of_code(error.code(), error.what()));
  } catch (const std::bad_alloc&) {
    return {503, "overloaded", "the server is out of memory; try again later", 5};
  } catch (const std::exception& error) {
    log(LogLevel::warning, std::string("internal error: ") + error.what());
  }
  return {500, "internal", "an internal error; the server's log has it"};
}

std::string_view reason_of(int status) {
  return status_entry(status).reason;
}

void refuse_work() {
  throw Refusal(503, "too many requests wait to be read or written; try again later", 1);
}

void Scope::check() const {
  switch (ended_) {
    case Ended::no:
      return;
    case Ended::client_gone:
      throw Refusal(499, "the client has gone");
    case Ended::deadline:
      throw Refusal(504, "the deadline has passed; ask for less or allow more time");
    case Ended::stopping:
      throw Refusal(503, "the server is stopping; ask again elsewhere", 5);
  }
}

}  // namespace transept::serve
