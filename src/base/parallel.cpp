#include "base/parallel.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <system_error>
#include <utility>

#include "base/cores.h"
#include "base/error.h"
#include "base/helper.h"

namespace transept {
namespace {

// Why a late thread never touches a job whose caller has returned.
//
// One word, state_, says from its lowest bit how many workers are inside the job, whether its
// caller sleeps until they have left, whether the job is open, and its number, which wraps round.
// Whoever has set taken_ is the caller, and it alone opens and closes.
//
// - A worker enters by one compare-and-swap that adds 1 to a word it has seen to be open. So the
//   job whose number the word has is open at that moment, and from then on the word says that
//   somebody is inside. (Should the word be the same again after 2^19 jobs, the worker enters the
//   job that is open now, which is as good: it has read nothing of any job yet.) It reads job_ only
//   after that, and nothing of the job after it has subtracted 1 again.
// - The caller closes by clearing kOpen, after which no compare-and-swap succeeds, as every word
//   that a worker expects is an open one. Then it waits until the word says that nobody is inside.
//   Only then it returns, or writes job_ again.
// - Opening releases what the caller wrote, entering acquires it; leaving releases what the pieces
//   wrote, closing or waiting acquires it. The workers' changes of the word are all
//   read-modify-writes, so they continue each other's release sequences.
// - Pieces are handed out by left_ alone. It is read outside a job too, but only as a hint whether
//   entering is worth it.
// - No worker sleeps through a job for ever: it says that it sleeps before it looks at state_ for
//   the last time, a caller opens before it looks who sleeps, and all four are sequentially
//   consistent, so one sees the other. No caller depends on it: without workers it takes all.
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

constexpr int64_t kSecond = 1'000'000'000;

int64_t nanoseconds(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return int64_t{t.tv_sec} * kSecond + t.tv_nsec;
}
int64_t now() {
  return nanoseconds(CLOCK_MONOTONIC);
}
// By this thread.
int64_t computed() {
  return nanoseconds(CLOCK_THREAD_CPUTIME_ID);
}

// What the kernel calls it.
int this_thread() {
  thread_local const int id = gettid();
  return id;
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
  try {
    for (int t = 1; t < n_threads; ++t)
      workers_.emplace_back([this, t, n_threads] { work(t, n_threads - 1); });
  } catch (const std::system_error& error) {
    const size_t started = workers_.size() + 1;
    stop();
    fail(ErrorCode::limit, "threads: only {} of {} can be started ({})", started, n_threads,
         error.what());
  }
}

ThreadPool::~ThreadPool() {
  stop();
}

void ThreadPool::stop() {
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
  job_.caller = this_thread();
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
  int caller = 0;
  uint32_t seen = 0;
  for (;;) {
    const uint32_t state = await_job(seen);
    if (stop_.load(std::memory_order_relaxed) != 0) return;
    if (!enter(state)) continue;
    seen = state & ~(kNumber - 1);
    const int64_t entered = now();
    const int callers = job_.caller;
    take_pieces(thread);
    const int64_t closed = closed_at_.load(std::memory_order_relaxed);
    leave();
    const int64_t left = now();
    if (callers == caller) helper.left(left - entered, closed == 0 ? 0 : left - closed);
    if (!helper.is_due(left)) continue;
    if (callers != caller) {  // several take turns: one of them is looked at for a while
      caller = callers;
      helper.begin(left, computed(), run_times(caller));
      continue;
    }
    const int64_t rest = helper.settle(left, computed(), run_times(caller));
    if (rest == 0) continue;
    const timespec at_most{.tv_sec = rest / kSecond, .tv_nsec = rest % kSecond};
    sleep_while(stop_, 0, &at_most);
    helper.rested(now(), computed(), run_times(caller));
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
