#include "serve/errors.h"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

#include "base/log.h"

namespace transept::serve {
namespace {

Failure failure_of(const std::function<void()>& f) {
  try {
    f();
  } catch (...) {
    return current_failure();
  }
  return {};
}

// What fails in the server itself names its files: the log's business.
TEST(Errors, WhatTheServerFailsAtIsToldInTheLogAlone) {
  std::string log;
  set_log_sink([&](LogLevel, const std::string& text) { log += text + "\n"; });
  const std::string secret = "/srv/secret/a.memory: cannot write: No space left on device";
  const Failure io = failure_of([&] { throw Error(ErrorCode::io, secret); });
  const Failure internal = failure_of([&] { throw Error(ErrorCode::internal, secret); });
  const Failure unknown = failure_of([&] { throw std::runtime_error(secret); });
  set_log_sink({});
  for (const Failure& failure : {io, internal, unknown}) {
    EXPECT_EQ(failure.status, 500);
    EXPECT_EQ(failure.message.find('/'), std::string::npos) << failure.message;
    EXPECT_FALSE(failure.message.empty());
  }
  EXPECT_EQ(io.code, "io");
  size_t told = 0;
  for (size_t at = log.find(secret); at != std::string::npos; at = log.find(secret, at + 1)) ++told;
  EXPECT_EQ(told, 3U) << log;
  const Failure usage = failure_of([] { throw Error(ErrorCode::usage, "beams: 0"); });
  EXPECT_EQ(usage.message, "beams: 0");
}

}  // namespace
}  // namespace transept::serve
