// Whether a thread of a pool is worth its company: what it took off its caller's hands, against how
// long the caller then waited for it.
#pragma once

#include <cstdint>

namespace transept {

class Helper {
 public:
  // In a pool of so many threads besides the caller's.
  explicit Helper(int n_workers) : n_workers_(n_workers) {}

  // It has left a job in which it was for `inside` ns, the last `late` of them with the caller
  // waiting; now and processor_time() are in ns too. Returns how long it should stay away, mostly
  // 0.
  template <class F>
  int64_t left(int64_t now, int64_t inside, int64_t late, F&& processor_time) {
    inside_ += inside;
    late_ += late;
    if (now - since_ < kWindow) return 0;
    const int64_t processor = processor_time();
    const int64_t rest = settle(processor - processor_);
    since_ = now;
    processor_ = processor;
    inside_ = late_ = 0;
    return rest;
  }

  // After a rest: what passed meanwhile counts for nothing.
  void begin(int64_t now, int64_t processor) {
    since_ = now;
    processor_ = processor;
  }

 private:
  static constexpr int64_t kWindow = 1'000'000;
  static constexpr int64_t kMostCredit = 20'000'000;
  static constexpr int64_t kMostRest = 5'000'000'000;
  static constexpr int64_t kRestPerLoss = 20;

  int64_t settle(int64_t processor);

  int n_workers_;
  int64_t since_ = 0;
  int64_t processor_ = 0;
  int64_t inside_ = 0;
  int64_t late_ = 0;
  int64_t credit_ = 0;
};

}  // namespace transept
