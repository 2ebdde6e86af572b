#include "base/parallel.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <utility>

#include "base/cores.h"
#include "base/error.h"
#include "base/helper.h"

namespace transept {
namespace {

// state_, from the lowest bit: workers inside, whether the caller sleeps, whether the job is open,
// and the job's number, which wraps round.
constexpr uint32_t kInside = (1U << 11) - 1;  // room for more than the 1024 threads of a pool
constexpr uint32_t kSleeps = 1U << 11;
constexpr uint32_t kOpen = 1U << 12;
constexpr uint32_t kNumber = 1U << 13;

// A thread looks for work so many times before it sleeps, 50 to 100 µs: longer than the gap between
// two products of a decoding step, short enough not to burn a core that another process could use.
constexpr int kSpins = 2000;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

int64_t nanoseconds(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}
int64_t now() {
  return nanoseconds(CLOCK_MONOTONIC);
}
int64_t processor_time() {
  return nanoseconds(CLOCK_THREAD_CPUTIME_ID);
}

// std::atomic::wait gives its processor away four times before it sleeps: on a busy machine each of
// these is a time slice that this process loses.
void sleep_while(std::atomic<uint32_t>& word, uint32_t value, const timespec* at_most = nullptr) {
  static_assert(sizeof word == sizeof value && std::atomic<uint32_t>::is_always_lock_free);
  (void)syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, at_most, nullptr, 0);
}
void wake_all(std::atomic<uint32_t>& word) {
  (void)syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace

ThreadPool::ThreadPool(int n_threads) {
  check(n_threads >= 0 && n_threads <= 1024, ErrorCode::usage,
        "threads: {} is not between 0 and 1024", n_threads);
  if (n_threads == 0) n_threads = std::min(available_cores(), 1024);
  workers_.reserve(static_cast<size_t>(n_threads - 1));
  for (int t = 1; t < n_threads; ++t)
    workers_.emplace_back([this, t, n_threads] { work(t, n_threads - 1); });
}

ThreadPool::~ThreadPool() {
  stop_ = 1;
  wake_all(stop_);
  wake_.fetch_add(1);
  wake_all(wake_);
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(const Job& job) {
  int64_t begin = 0;
  while (taken_.load(std::memory_order_relaxed) ||
         taken_.exchange(true, std::memory_order_acquire)) {
    const int64_t end = std::min(begin + job.grain, job.n);
    job.piece(job.context, 0, begin, end);
    if (end == job.n) return;
    begin = end;
  }
  open(job, begin);
  take_pieces(0);
  close();
  const std::exception_ptr error = std::exchange(error_, nullptr);
  taken_.store(false, std::memory_order_release);
  if (error) std::rethrow_exception(error);
}

void ThreadPool::open(const Job& job, int64_t begin) {
  job_ = job;
  closed_at_.store(0, std::memory_order_relaxed);
  left_.store(job.n - begin, std::memory_order_relaxed);
  state_.store((state_.load(std::memory_order_relaxed) + kNumber) | kOpen);
  if (asleep_.load() && asleep_.exchange(false)) {
    wake_.fetch_add(1);
    wake_all(wake_);
  }
}

void ThreadPool::take_pieces(int thread) noexcept {
  try {
    for (;;) {
      const int64_t left = left_.fetch_sub(job_.grain, std::memory_order_relaxed);
      if (left <= 0) return;
      const int64_t begin = job_.n - left;
      job_.piece(job_.context, thread, begin, begin + std::min(left, job_.grain));
    }
  } catch (...) {
    left_.store(0, std::memory_order_relaxed);
    const std::lock_guard lock(error_mutex_);
    if (!error_) error_ = std::current_exception();
  }
}

void ThreadPool::close() {
  const uint32_t state = state_.fetch_and(~kOpen, std::memory_order_acq_rel);
  if ((state & kInside) != 0) await_others();
}

void ThreadPool::await_others() {
  closed_at_.store(now(), std::memory_order_relaxed);
  for (int spins = 0; spins < kSpins; ++spins) {
    if ((state_.load(std::memory_order_acquire) & kInside) == 0) return;
    pause();
  }
  // Whoever is inside has lost its processor, or a piece is long.
  uint32_t state = state_.fetch_or(kSleeps, std::memory_order_acq_rel) | kSleeps;
  while ((state & kInside) != 0) {
    sleep_while(state_, state);
    state = state_.load(std::memory_order_acquire);
  }
  state_.fetch_and(~kSleeps, std::memory_order_relaxed);
}

void ThreadPool::work(int thread, int n_workers) {
  Helper helper(n_workers);
  helper.begin(now(), processor_time());
  uint32_t seen = 0;
  for (;;) {
    const uint32_t state = await_job(seen);
    if (stop_.load(std::memory_order_relaxed) != 0) return;
    if (!enter(state)) continue;
    seen = state & ~(kNumber - 1);
    const int64_t entered = now();
    take_pieces(thread);
    const int64_t closed = closed_at_.load(std::memory_order_relaxed);
    leave();
    const int64_t left = now();
    const int64_t rest =
        helper.left(left, left - entered, closed == 0 ? 0 : left - closed, processor_time);
    if (rest == 0) continue;
    const timespec at_most{.tv_sec = rest / 1'000'000'000, .tv_nsec = rest % 1'000'000'000};
    sleep_while(stop_, 0, &at_most);
    helper.begin(now(), processor_time());
  }
}

uint32_t ThreadPool::await_job(uint32_t seen) {
  for (;;) {
    for (int spins = 0; spins < kSpins; ++spins) {
      const uint32_t state = state_.load(std::memory_order_acquire);
      if ((state & kOpen) != 0 && (state & ~(kNumber - 1)) != seen &&
          left_.load(std::memory_order_relaxed) > 0)
        return state;
      pause();
    }
    const uint32_t before = wake_.load();
    asleep_.store(true);
    const uint32_t state = state_.load();
    if (stop_.load() != 0) return state;
    if ((state & kOpen) != 0 && (state & ~(kNumber - 1)) != seen) continue;
    sleep_while(wake_, before);
  }
}

bool ThreadPool::enter(uint32_t state) {
  return state_.compare_exchange_strong(state, state + 1, std::memory_order_acq_rel);
}

void ThreadPool::leave() {
  const uint32_t state = state_.fetch_sub(1, std::memory_order_acq_rel);
  if ((state & kInside) == 1 && (state & kSleeps) != 0) wake_all(state_);
}

}  // namespace transept
