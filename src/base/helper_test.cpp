// Times are in milliseconds here.
#include "base/helper.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cmath>

namespace transept {
namespace {

constexpr double kMs = 1e6;

// What happens in one window of 4 ms; a quiet machine unless it says otherwise.
struct Window {
  double inside = 4;         // in jobs
  double late = 0;           // of these, the caller waiting
  double computed = 4;       // by this thread
  double caller = 4;         // computed by the caller
  double caller_waited = 0;  // for a processor
};

class Thread {
 public:
  explicit Thread(int n_workers = 1) : helper_(n_workers) {}

  // Returns for how long it should stay away.
  double window(const Window& w) {
    pass(w);
    helper_.left(ns(w.inside), ns(w.late));
    EXPECT_TRUE(helper_.is_due(now_));
    return static_cast<double>(helper_.settle(now_, computed_, caller_)) / kMs;
  }
  // How many such windows it takes part in until it rests; `most` if it does not.
  int until_rest(const Window& w, int most = 10'000) {
    for (int n = 1; n <= most; ++n)
      if (window(w) > 0) return n;
    return most;
  }
  void rested(const Window& w) {
    pass(w);
    helper_.rested(now_, computed_, caller_);
  }

 private:
  static int64_t ns(double ms) { return static_cast<int64_t>(std::llround(ms * kMs)); }
  void pass(const Window& w) {
    now_ += ns(4);
    computed_ += ns(w.computed);
    caller_.computed += ns(w.caller);
    caller_.waited += ns(w.caller_waited);
  }

  Helper helper_;
  int64_t now_ = 0;
  int64_t computed_ = 0;
  RunTimes caller_;
};

constexpr Window kHelps{};
constexpr Window kLate{.inside = 2, .late = 2, .computed = 0, .caller = 2};

TEST(Helper, WhoHelpsNeverRests) {
  EXPECT_EQ(Thread().until_rest(kHelps), 10'000);
  EXPECT_EQ(Thread().until_rest({.inside = 3, .late = 1}), 10'000);
}

TEST(Helper, WhoMakesItsCallerWaitRests) {
  Thread thread;
  EXPECT_EQ(thread.until_rest(kLate), 6);  // the caller slept 1.9 of 2 ms and turned 0.1 ms round
  EXPECT_EQ(thread.until_rest(kLate), 6);
}

TEST(Helper, ARestIsTwentyTimesWhatItCost) {
  EXPECT_DOUBLE_EQ(Thread().window({.inside = 12, .late = 12, .computed = 0}), 20 * 12);
}

TEST(Helper, HelpMakesUpForWaiting) {
  Thread thread;
  EXPECT_EQ(thread.window({.inside = 3}), 0);
  EXPECT_EQ(thread.window({.inside = 12, .late = 12, .computed = 0}), 0);
  EXPECT_GT(thread.window({.inside = 2, .late = 2, .computed = 0}), 0);
}

TEST(Helper, OldHelpIsForgottenAboveACertainAmount) {
  Thread thread;
  EXPECT_EQ(thread.until_rest(kHelps, 1000), 1000);
  EXPECT_EQ(thread.window({.inside = 20, .late = 20, .computed = 0}), 0);
  EXPECT_GT(thread.window({.inside = 1, .late = 1, .computed = 0}), 0);
}

// It was inside all the time, but without a processor.
TEST(Helper, OnlyWhatItComputedIsHelp) {
  EXPECT_LT(Thread().until_rest({.inside = 5, .late = 1, .computed = 0.5}), 30);
}

// Two threads on one processor: the caller computes only half of the time.
TEST(Helper, TakingItsCallersProcessorIsNoHelp) {
  EXPECT_LT(Thread().until_rest({.inside = 1, .computed = 2, .caller = 2, .caller_waited = 2}), 12);
}

// Something else took the processors of both for a while.
TEST(Helper, WhatOthersTakeFromTheCallerIsNotItsFault) {
  Thread thread;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(thread.until_rest(kHelps, 10), 10);
    EXPECT_EQ(thread.window({.inside = 3, .caller_waited = 100}), 0);
  }
}

// A caller that runs half of the time anyway loses nothing by company that runs the other half.
TEST(Helper, HowTheCallerFaresAloneIsWhatItIsComparedWith) {
  const Window shared{.inside = 1, .computed = 2, .caller = 2, .caller_waited = 2};
  Thread thread;
  EXPECT_LT(thread.until_rest(shared), 12);
  thread.rested({.inside = 0, .computed = 0, .caller = 2, .caller_waited = 2});
  EXPECT_GT(thread.until_rest(shared), 30);
  // What it was compared with grows old: then a rest shows how the caller fares alone now.
  EXPECT_LT(thread.until_rest(shared), 1000);
}

// A caller that sleeps, as a server's does that nobody asks, neither gains nor loses.
TEST(Helper, WhatTheCallerDoesNotWantCountsForNothing) {
  EXPECT_EQ(Thread().until_rest({.inside = 0, .computed = 0, .caller = 0}), 10'000);
}

TEST(Helper, OfManyEachRestsLonger) {
  EXPECT_DOUBLE_EQ(Thread(7).window({.inside = 12, .late = 12, .computed = 0}), 7 * 20 * 12);
}

TEST(Helper, NoRestIsForEver) {
  EXPECT_DOUBLE_EQ(Thread().window({.inside = 1e6, .late = 1e6, .computed = 0}), 5000);
}

// Where the kernel keeps no account of waiting, only help and lateness count.
TEST(Helper, WithoutTimesOfTheCallerItStillDecides) {
  EXPECT_EQ(Thread().until_rest({.inside = 3, .late = 1, .caller = 0}), 10'000);
  EXPECT_EQ(Thread().until_rest({.inside = 2, .late = 2, .computed = 0, .caller = 0}), 6);
}

TEST(RunTimes, AThreadThatComputesSaysSo) {
  const RunTimes before = run_times(gettid());
  if (before.computed == 0) GTEST_SKIP() << "this kernel keeps no account";
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(20)) {
  }
  const RunTimes passed = run_times(gettid()) - before;
  EXPECT_GT(passed.computed, 0);
  EXPECT_GE(passed.computed + passed.waited, 10'000'000);
}

TEST(RunTimes, OfNoThreadTheyAreZero) {
  EXPECT_EQ(run_times(0).computed, 0);
  EXPECT_EQ(run_times(-1).waited, 0);
}

}  // namespace
}  // namespace transept
