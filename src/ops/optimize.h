// What an optimiser does to flat arrays of parameters, on all threads. The same bits for any number
// of threads.
#pragma once

#include <span>

#include "base/parallel.h"
#include "kernels/kernels.h"

namespace transept {

// Sum of squares, in double precision over blocks of fixed size, first to last. Not finite if an
// element is not.
[[nodiscard]] double sum_squares(ThreadPool& pool, const KernelTable& kernels,
                                 std::span<const float> x);

// One step of Adam with decoupled weight decay (Loshchilov & Hutter 2019) in one pass; `step`
// describes it (kernels.h). All spans have one size.
void adamw(ThreadPool& pool, const KernelTable& kernels, const AdamWStep& step,
           std::span<const float> gradients, std::span<float> parameters, std::span<float> mean,
           std::span<float> square);

// average += rate * (x - average): an exponential moving average of parameters.
void move_average(ThreadPool& pool, const KernelTable& kernels, float rate,
                  std::span<const float> x, std::span<float> average);

void fill_zero(ThreadPool& pool, std::span<float> x);

}  // namespace transept
