#include "base/error.h"

#include <gtest/gtest.h>

#include <string>

namespace transept {
namespace {

TEST(Check, CallsWhatIsGivenAsACallableOnlyWhenTheMessageIsShown) {
  int calls = 0;
  const auto dear = [&] {
    ++calls;
    return std::string("dear");
  };
  check(true, ErrorCode::usage, "{} {}", 1, dear);
  EXPECT_EQ(calls, 0);
  try {
    check(false, ErrorCode::usage, "{} {}", 1, dear);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "1 dear");
    EXPECT_EQ(error.code(), ErrorCode::usage);
  }
  EXPECT_EQ(calls, 1);
}

TEST(Error, AZeroByteCutsNoMessage) {
  const std::string id("a\0b", 3);
  EXPECT_STREQ(Error(ErrorCode::usage, "memory " + id + ": none").what(), "memory a\\0b: none");
}

}  // namespace
}  // namespace transept
