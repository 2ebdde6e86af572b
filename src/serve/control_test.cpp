#include "serve/control.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace transept::serve {
namespace {

// A process whose work never ends, which is sent these signals.
[[noreturn]] void hang(int drain_ms, int force_ms, const std::vector<int>& numbers) {
  HttpOptions options;
  options.drain_ms = drain_ms;
  options.force_ms = force_ms;
  options.end_by_force = [](int code) { _exit(code); };
  const auto say = [](const char* what) { return [what] { std::fputs(what, stderr); }; };
  Control control(options, {say("drain "), say("cancel "), say("reload ")});
  control.start();
  for (const int number : numbers) {
    kill(getpid(), number);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));  // or two of a kind become one
  }
  control.release();
  std::this_thread::sleep_for(std::chrono::hours(1));
  std::abort();
}

class ControlDeath : public ::testing::Test {
 protected:
  void SetUp() override { ::testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(ControlDeath, AnEndThatDoesNotComeIsForced) {
  EXPECT_EXIT(hang(100, 100, {SIGTERM}), ::testing::ExitedWithCode(70), "^drain $");
  EXPECT_EXIT(hang(0, 1, {SIGINT}), ::testing::ExitedWithCode(70), "^drain $");
}

TEST_F(ControlDeath, TheSecondSignalCancelsAndTheThirdEnds) {
  EXPECT_EXIT(hang(1 << 30, 1 << 30, {SIGTERM, SIGTERM}), ::testing::ExitedWithCode(70),
              "^drain cancel $");
  EXPECT_EXIT(hang(1 << 30, 1 << 30, {SIGTERM, SIGINT, SIGTERM}), ::testing::ExitedWithCode(70),
              "^drain cancel $");
}

TEST_F(ControlDeath, AHangUpEndsNothing) {
  EXPECT_EXIT(hang(0, 1, {SIGHUP, SIGHUP, SIGTERM}), ::testing::ExitedWithCode(70),
              "^reload reload drain $");
}

}  // namespace
}  // namespace transept::serve
