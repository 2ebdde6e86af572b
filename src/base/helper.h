// Whether a thread of a pool is worth its company.
//
// What company changes, in nanoseconds of the caller's time: what the thread took off the caller's
// hands, less how long the caller then waited for it, less what the caller computes less than it
// would alone because there are more threads than processors. (The kernel says for how long a
// thread was ready to run and did not.)
//
// A thread may cost its caller kBudget; then it stays away kRestPerLoss times as long as it cost,
// which also shows how the caller fares alone, and tries again. So company costs at most one part
// in kRestPerLoss of the time, whatever else the machine does.
#pragma once

#include <cstdint>

namespace transept {

// Of a thread, in nanoseconds since it began.
struct RunTimes {
  int64_t computed = 0;
  int64_t waited = 0;  // ready to run, without a processor

  friend RunTimes operator-(const RunTimes& a, const RunTimes& b) {
    return {a.computed - b.computed, a.waited - b.waited};
  }
};

// Of a thread of this process, by its gettid(); of no thread, or where the kernel keeps no account,
// zeros: then only help and waiting count.
[[nodiscard]] RunTimes run_times(int thread);

class Helper {
 public:
  // In a pool of so many threads besides the caller's.
  explicit Helper(int n_workers) : n_workers_(n_workers) {}

  // It has left a job in which it was for `inside` ns, the last `late` of them with the caller
  // waiting.
  void left(int64_t inside, int64_t late);
  [[nodiscard]] bool is_due(int64_t now) const { return now - since_ >= kWindow; }

  // When it is due: what this thread has computed since it began, and the times of the caller's.
  // Returns for how many ns to stay away, mostly 0.
  [[nodiscard]] int64_t settle(int64_t now, int64_t computed, const RunTimes& caller);
  // After a rest: since the last settle() the caller has been without this thread.
  void rested(int64_t now, int64_t computed, const RunTimes& caller);
  // At the beginning, and when another caller has come.
  void begin(int64_t now, int64_t computed, const RunTimes& caller);

 private:
  static constexpr int64_t kWindow = 4'000'000;  // a time slice of the kernel's, more or less
  static constexpr int64_t kBudget = 10'000'000;
  static constexpr int64_t kMostCredit = 20'000'000;
  static constexpr int64_t kRestPerLoss = 20;
  static constexpr int64_t kMostRest = 5'000'000'000;

  int n_workers_;
  int64_t since_ = 0;
  int64_t computed_ = 0;
  RunTimes caller_;
  int64_t inside_ = 0;
  int64_t late_ = 0;
  int64_t slept_ = 0;       // of late_: what the caller slept, which is in neither of its times
  double share_alone_ = 1;  // of the time that the caller alone is ready to run: in which it runs
  double credit_ = kBudget;
};

}  // namespace transept
