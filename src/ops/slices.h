// Long work in slices: where somebody has asked for pauses, the tasks of an operation are run a few
// at a time, and others have their turn in between. The tasks are the same ones, so the bits are.
#pragma once

#include <cstdint>

#include "ops/context.h"

namespace transept {

// Multiplications of one thread between two pauses: about a millisecond.
inline constexpr int64_t kSliceWork = int64_t{1} << 24;

// run(begin, end) for tasks [0, n) in order; work(task) says how many multiplications one is.
template <class Work, class Run>
void in_slices(const Context& c, int64_t n, Work&& work, Run&& run) {
  if (c.on_pause == nullptr) return run(int64_t{0}, n);
  const int64_t most = kSliceWork * c.pool.size();
  for (int64_t begin = 0; begin < n;) {
    int64_t end = begin;
    for (int64_t sum = 0; end < n && (end == begin || sum + work(end) <= most); ++end)
      sum += work(end);
    run(begin, end);
    begin = end;
    if (begin < n) c.pause();
  }
}

}  // namespace transept
