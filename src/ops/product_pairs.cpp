#include "ops/product_pairs.h"

#include <algorithm>

namespace transept {

PairOperand pack_pairs(Context& c, PackPairs pack, ConstTensor source, int count, int k) {
  auto* blocks = reinterpret_cast<uint16_t*>(c.arena.floats(pair_values(count, k) / 2));
  constexpr int64_t kGrain = 4;  // groups of 16: wide enough that memory is read in long runs
  c.pool.parallel_for(panels_for(count), kGrain, [&](int64_t begin, int64_t end) {
    pack(source.data, static_cast<size_t>(source.cols), count, k, blocks, static_cast<int>(begin),
         static_cast<int>(end));
  });
  return {blocks, count, k};
}

void multiply_pairs(Context& c, const PairOperand& left, const PairOperand& right,
                    const float* bias, bool accumulate, Tensor y) {
  dcheck(left.k == right.k && left.count == y.rows && right.count == y.cols);
  const GemmPairs g{.left = left.blocks,
                    .right = right.blocks,
                    .y = y.data,
                    .ldy = static_cast<size_t>(y.cols),
                    .m = y.rows,
                    .n = y.cols,
                    .k = left.k,
                    .bias = bias,
                    .accumulate = accumulate};
  // Strips that stay in the second-level cache while the panels pass by.
  constexpr int kStrips = 16;
  const int strips = panels_for(g.m);
  const int panels = panels_for(g.n);
  const int blocks = (strips + kStrips - 1) / kStrips;
  const int ranges = std::clamp(4 * c.pool.size() / blocks, 1, std::max(1, panels / 2));
  c.pool.parallel_for(int64_t{blocks} * ranges, 1, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int strip = static_cast<int>(task / ranges) * kStrips;
      const int64_t range = task % ranges;
      c.kernels.pairs->gemm(g, strip, std::min(strips, strip + kStrips),
                            static_cast<int>(panels * range / ranges),
                            static_cast<int>(panels * (range + 1) / ranges));
    }
  });
}

}  // namespace transept
