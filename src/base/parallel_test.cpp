#include "base/parallel.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

#include "base/error.h"

namespace transept {
namespace {

TEST(ThreadPool, RunsOnEveryThreadOnce) {
  ThreadPool pool(4);
  std::vector<std::atomic<int>> calls(4);
  for (int round = 0; round < 1000; ++round) {
    pool.run([&](int thread) { ++calls[static_cast<size_t>(thread)]; });
  }
  for (const auto& n : calls) EXPECT_EQ(n, 1000);
}

TEST(ThreadPool, ParallelForCoversEachItemOnce) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (const int64_t n : {0, 1, 7, 1000}) {
      for (const int64_t grain : {1, 3, 2000}) {
        std::vector<std::atomic<int>> seen(static_cast<size_t>(n));
        pool.parallel_for(n, grain, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
        });
        for (const auto& times : seen) EXPECT_EQ(times, 1);
      }
    }
  }
}

TEST(ThreadPool, AnExceptionReachesTheCallerAndThePoolGoesOn) {
  ThreadPool pool(3);
  for (int round = 0; round < 20; ++round) {
    EXPECT_THROW(pool.run([](int thread) {
      if (thread == 2) fail(ErrorCode::bad_data, "thread {}", thread);
    }),
                 Error);
  }
  std::atomic<int> calls{0};
  pool.run([&](int) { ++calls; });
  EXPECT_EQ(calls, 3);
}

TEST(ThreadPool, WakesAfterSleeping) {
  ThreadPool pool(3);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::atomic<int> calls{0};
    pool.run([&](int) { ++calls; });
    EXPECT_EQ(calls, 3);
  }
}

TEST(ThreadPool, SeveralCallersTakeTurns) {
  ThreadPool pool(2);
  std::atomic<int> total{0};
  {
    std::array<std::jthread, 4> callers;
    for (std::jthread& caller : callers) {
      caller = std::jthread([&] {
        for (int round = 0; round < 200; ++round) pool.run([&](int) { ++total; });
      });
    }
  }
  EXPECT_EQ(total, 4 * 200 * 2);
}

TEST(ThreadPool, RefusesASillyNumber) {
  EXPECT_THROW(ThreadPool(-1), Error);
}

}  // namespace
}  // namespace transept
