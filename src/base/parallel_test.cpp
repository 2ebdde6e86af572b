#include "base/parallel.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"

namespace transept {
namespace {

using namespace std::chrono_literals;

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

TEST(ThreadPool, AThreadsIndexIsItsOwnAndItsPiecesAscend) {
  constexpr int kThreads = 4;
  ThreadPool pool(kThreads);
  for (int round = 0; round < 200; ++round) {
    std::array<std::atomic<bool>, kThreads> used{};
    std::array<int64_t, kThreads> last{-1, -1, -1, -1};  // plain: scratch of one thread
    pool.parallel_for(50, 3, [&](int thread, int64_t begin, int64_t) {
      ASSERT_TRUE(thread >= 0 && thread < kThreads);
      const auto t = static_cast<size_t>(thread);
      EXPECT_FALSE(used[t].exchange(true));
      EXPECT_LT(std::exchange(last[t], begin), begin);
      used[t] = false;
    });
  }
}

TEST(ThreadPool, SeveralThreadsWorkAtOnce) {
  ThreadPool pool(3);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(5ms);  // they fall asleep
    std::atomic<int> inside{0};
    pool.parallel_for(3, 1, [&](int64_t, int64_t) {
      ++inside;
      while (inside < 3) std::this_thread::yield();  // for ever, if two pieces went to one thread
    });
  }
}

TEST(ThreadPool, AnExceptionReachesTheCallerAndThePoolGoesOn) {
  ThreadPool pool(3);
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> inside{0};
    EXPECT_THROW(pool.parallel_for(1000, 1,
                                   [&](int64_t begin, int64_t) {
                                     ++inside;
                                     const bool bad = begin == round;
                                     if (!bad) std::this_thread::yield();
                                     --inside;
                                     if (bad) fail(ErrorCode::bad_data, "piece {}", begin);
                                   }),
                 Error);
    EXPECT_EQ(inside, 0);
  }
  std::atomic<int> calls{0};
  pool.parallel_for(100, 1, [&](int64_t, int64_t) { ++calls; });
  EXPECT_EQ(calls, 100);
}

TEST(ThreadPool, PiecesAfterAnExceptionAreLeftOut) {
  constexpr int64_t kPieces = 100'000'000;
  ThreadPool pool(2);
  std::atomic<int> inside{0};
  std::atomic<int64_t> calls{0};
  const auto piece = [&](int64_t begin, int64_t) {
    if (++calls <= 2) {
      ++inside;
      while (inside < 2) std::this_thread::yield();  // both threads are there
    }
    if (begin == 0) fail(ErrorCode::bad_data, "no");
  };
  EXPECT_THROW(pool.parallel_for(kPieces, 1, piece), Error);
  EXPECT_LT(calls, kPieces - 1);
}

TEST(ThreadPool, ACallFromInsideAPieceRuns) {
  ThreadPool pool(3);
  std::atomic<int> calls{0};
  pool.parallel_for(20, 1, [&](int64_t, int64_t) {
    pool.parallel_for(30, 4, [&](int64_t begin, int64_t end) {
      pool.parallel_for(end - begin, 1, [&](int64_t, int64_t) { ++calls; });
    });
  });
  EXPECT_EQ(calls, 20 * 30);
}

TEST(ThreadPool, NoCallerWaitsForAnother) {
  ThreadPool pool(2);
  std::atomic<bool> inside{false};
  std::atomic<bool> release{false};
  std::jthread first([&] {
    pool.parallel_for(2, 1, [&](int64_t, int64_t) {
      inside = true;
      while (!release) std::this_thread::yield();
    });
  });
  while (!inside) std::this_thread::yield();
  std::atomic<int> calls{0};
  pool.parallel_for(100, 1, [&](int64_t, int64_t) { ++calls; });
  EXPECT_EQ(calls, 100);
  release = true;
}

// A worker that the machine does not run, as far as its pool can tell: it stands in a signal
// handler.
class Frozen {
 public:
  explicit Frozen(pthread_t thread) {
    release_ = arrived_ = false;
    struct sigaction action {};
    action.sa_handler = [](int) {
      arrived_ = true;
      while (!release_) {
      }
    };
    sigaction(SIGUSR1, &action, &before_);
    pthread_kill(thread, SIGUSR1);
    while (!arrived_) std::this_thread::yield();
  }
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;
  ~Frozen() {
    release_ = true;
    sigaction(SIGUSR1, &before_, nullptr);
  }

 private:
  static inline std::atomic<bool> arrived_, release_;
  struct sigaction before_ {};
};

// The only worker of a pool of two.
pthread_t worker_of(ThreadPool& pool) {
  pthread_t worker{};
  std::atomic<int> inside{0};
  pool.parallel_for(2, 1, [&](int thread, int64_t, int64_t) {
    if (thread == 1) worker = pthread_self();
    ++inside;
    while (inside < 2) std::this_thread::yield();
  });
  return worker;
}

TEST(ThreadPool, AThreadThatDoesNotRunIsNotWaitedFor) {
  ThreadPool pool(2);
  const Frozen frozen(worker_of(pool));
  int calls = 0;  // plain: nobody else can
  for (int round = 0; round < 1000; ++round)
    pool.parallel_for(10, 1, [&](int64_t, int64_t) { ++calls; });
  EXPECT_EQ(calls, 10'000);
}

// Its caller waits for it; and as it has helped with nothing, it then stays away for a while.
TEST(ThreadPool, AThreadThatStopsInsideAPieceIsWaitedFor) {
  ThreadPool pool(2);
  (void)worker_of(pool);  // from now on it is looked at
  std::atomic<int> inside{0};
  bool done = false;
  const auto stop_inside = [&](int thread, int64_t, int64_t) {
    ++inside;
    while (inside < 2) std::this_thread::yield();
    if (thread == 0) return;
    std::this_thread::sleep_for(100ms);  // long enough for the caller to sleep too
    done = true;
  };
  pool.parallel_for(2, 1, stop_inside);
  EXPECT_TRUE(done);
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < 100ms) {
    pool.parallel_for(100, 1, [&](int thread, int64_t, int64_t) { EXPECT_EQ(thread, 0); });
  }
  // It comes back: for two pieces that need each other it takes two threads.
  inside = 0;
  pool.parallel_for(2, 1, stop_inside);
}

TEST(ThreadPool, RefusesASillyNumber) {
  EXPECT_THROW(ThreadPool(-1), Error);
  EXPECT_THROW(ThreadPool(1025), Error);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they need all addresses
TEST(ThreadPool, SaysThatTheSystemDoesNotGiveSoManyThreads) {
  const auto start_too_many = [] {
    const rlimit little{.rlim_cur = size_t{512} << 20, .rlim_max = size_t{512} << 20};
    setrlimit(RLIMIT_AS, &little);  // some 60 stacks
    try {
      const ThreadPool pool(1000);
    } catch (const Error& error) {
      std::fputs(error.what(), stderr);
      std::exit(error.code() == ErrorCode::limit ? 0 : 1);
    }
  };
  EXPECT_EXIT(start_too_many(), testing::ExitedWithCode(0), "threads: only .* of 1000 can be");
}
#endif

// Many short jobs from several callers, on more threads than there are cores: some throw, some call
// again from inside. Each has its result on its caller's stack and says when it is over, so a
// thread that came late is caught here, and by the sanitizers.
class Stress {
 public:
  explicit Stress(int n_threads) : pool_(n_threads) {}

  void run(int n_callers, int n_jobs) {
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < n_callers; ++caller) {
      callers.emplace_back([this, caller, n_jobs] {
        for (int i = 0; i < n_jobs; ++i) job(static_cast<uint32_t>(caller * n_jobs + i));
      });
    }
  }

 private:
  void job(uint32_t seed) {
    uint32_t state = seed * 2654435761U;
    const auto draw = [&](uint32_t below) {
      state = state * 1664525U + 1013904223U;  // Numerical Recipes, 7.1
      return (state >> 8) % below;
    };
    const auto n = static_cast<int64_t>(1 + draw(24));
    const auto grain = static_cast<int64_t>(1 + draw(3));
    const bool nests = draw(8) == 0;
    const int64_t bad = draw(8) == 0 ? static_cast<int64_t>(draw(static_cast<uint32_t>(n))) : -1;
    std::array<int, 24> result{};  // plain: each item is one thread's
    bool over = false;
    std::vector<int> sums(static_cast<size_t>(pool_.size()));
    const auto piece = [&](int thread, int64_t begin, int64_t end) {
      EXPECT_FALSE(over);
      for (int64_t i = begin; i < end; ++i) {
        if (i == bad) fail(ErrorCode::bad_data, "item {}", i);
        ++result[static_cast<size_t>(i)];
        ++sums[static_cast<size_t>(thread)];
        if (nests) pool_.parallel_for(3, 1, [&](int64_t, int64_t) { ++nested_; });
      }
    };
    if (bad >= 0) {
      EXPECT_THROW(pool_.parallel_for(n, grain, piece), Error);
    } else {
      pool_.parallel_for(n, grain, piece);
      int sum = 0;
      for (const int own : sums) sum += own;
      EXPECT_EQ(sum, n);
      for (int64_t i = 0; i < n; ++i) EXPECT_EQ(result[static_cast<size_t>(i)], 1);
    }
    over = true;
    if (draw(256) == 0) std::this_thread::sleep_for(std::chrono::microseconds(draw(300)));
  }

  ThreadPool pool_;
  std::atomic<int> nested_{0};
};

TEST(ThreadPool, ShortJobsFromSeveralCallersOnMoreThreadsThanCores) {
  for (const int threads : {2, 3, 8, 24}) {
    for (const int callers : {1, 3}) Stress(threads).run(callers, 2000);
  }
}

TEST(ThreadPool, PoolsComeAndGo) {
  for (int round = 0; round < 100; ++round) Stress(1 + round % 5).run(1, round % 4);
}

}  // namespace
}  // namespace transept
