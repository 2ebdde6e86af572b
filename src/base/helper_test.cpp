// Times are in microseconds here.
#include "base/helper.h"

#include <gtest/gtest.h>

namespace transept {
namespace {

// A thread of a pool, and the time.
class Thread {
 public:
  explicit Thread(int n_workers = 1) : helper_(n_workers) {}

  // A job that takes `inside`, the last `late` of it with the caller waiting; `processor` is what
  // it computed meanwhile. Returns how long to rest, in microseconds.
  int64_t job(int64_t inside, int64_t late, int64_t processor) {
    now_ += inside * 1000;
    processor_ += processor * 1000;
    return helper_.left(now_, inside * 1000, late * 1000, [&] { return processor_; }) / 1000;
  }
  int64_t jobs(int n, int64_t inside, int64_t late, int64_t processor) {
    int64_t rest = 0;
    for (int i = 0; i < n; ++i) rest += job(inside, late, processor);
    return rest;
  }

 private:
  Helper helper_;
  int64_t now_ = 0;
  int64_t processor_ = 0;
};

TEST(Helper, WhoHelpsMoreThanTheCallerWaitsNeverRests) {
  EXPECT_EQ(Thread().jobs(100'000, 10, 4, 10), 0);
}

TEST(Helper, WhoMakesTheCallerWaitRestsAFewTimesAsLong) {
  EXPECT_EQ(Thread().job(4000, 4000, 0), 20 * 4000);
}

TEST(Helper, WhatItHelpedBeforeCounts) {
  Thread thread;
  EXPECT_EQ(thread.jobs(30, 100, 0, 100), 0);    // 3 ms of help
  EXPECT_EQ(thread.job(2000, 2000, 0), 0);       // 2 ms of them gone
  EXPECT_EQ(thread.job(2000, 2000, 0), 20'000);  // one too much
}

TEST(Helper, OldHelpIsForgottenAboveACertainAmount) {
  Thread thread;
  EXPECT_EQ(thread.jobs(100'000, 100, 0, 100), 0);
  EXPECT_EQ(thread.job(20'000, 20'000, 0), 0);
  EXPECT_EQ(thread.job(1000, 1000, 0), 20'000);
}

// It was inside all the time, but did not run: that is no help.
TEST(Helper, OnlyWhatItComputedIsHelp) {
  Thread thread;
  EXPECT_EQ(thread.jobs(30, 100, 0, 10), 0);
  EXPECT_EQ(thread.job(1300, 1300, 0), 20'000);
}

TEST(Helper, ARestBeginsAnew) {
  Thread thread;
  EXPECT_EQ(thread.job(2000, 2000, 0), 40'000);
  EXPECT_EQ(thread.jobs(20, 100, 20, 100), 0);
}

// Each of many may cost its caller a wait, and all together no more than one alone.
TEST(Helper, OfManyEachRestsLonger) {
  EXPECT_EQ(Thread(7).job(2000, 2000, 0), 7 * 40'000);
}

TEST(Helper, NoRestIsForEver) {
  EXPECT_EQ(Thread().job(3'600'000'000, 3'600'000'000, 0), 5'000'000);
}

}  // namespace
}  // namespace transept
