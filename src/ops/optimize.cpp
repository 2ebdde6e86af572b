#include "ops/optimize.h"

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace transept {
namespace {

constexpr int64_t kBlock =
    int64_t{16} * 1024;  // elements: a sum's order depends on it, so it is fixed

}  // namespace

double sum_squares(ThreadPool& pool, const KernelTable& kernels, std::span<const float> x) {
  const auto n = static_cast<int64_t>(x.size());
  const int64_t blocks = (n + kBlock - 1) / kBlock;
  std::vector<float> sums(static_cast<size_t>(blocks));
  pool.parallel_for(blocks, 8, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      sums[static_cast<size_t>(b)] =
          kernels.sum_squares(x.data() + b * kBlock, std::min(kBlock, n - b * kBlock));
    }
  });
  double total = 0;
  for (const float sum : sums) total += double{sum};
  return total;
}

void adamw(ThreadPool& pool, const KernelTable& kernels, const AdamWStep& step,
           std::span<const float> gradients, std::span<float> parameters, std::span<float> mean,
           std::span<float> square) {
  dcheck(gradients.size() == parameters.size() && mean.size() == parameters.size() &&
         square.size() == parameters.size());
  pool.parallel_for(
      static_cast<int64_t>(parameters.size()), kBlock, [&](int64_t begin, int64_t end) {
        kernels.adamw(step, gradients.data() + begin, end - begin, parameters.data() + begin,
                      mean.data() + begin, square.data() + begin);
      });
}

void move_average(ThreadPool& pool, const KernelTable& kernels, float rate,
                  std::span<const float> x, std::span<float> average) {
  dcheck(x.size() == average.size());
  pool.parallel_for(static_cast<int64_t>(x.size()), kBlock, [&](int64_t begin, int64_t end) {
    kernels.move_average(rate, x.data() + begin, end - begin, average.data() + begin);
  });
}

void fill_zero(ThreadPool& pool, std::span<float> x) {
  pool.parallel_for(static_cast<int64_t>(x.size()), kBlock, [&](int64_t begin, int64_t end) {
    std::fill(x.data() + begin, x.data() + end, 0.F);
  });
}

}  // namespace transept
