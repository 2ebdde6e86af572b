#include "ops/product_pairs.h"

#include <algorithm>

namespace transept {

namespace {

PairOperand pack(Context& c, PackPairs pack_part, ConstTensor source, int count, int k, int parts) {
  auto* blocks = reinterpret_cast<uint16_t*>(c.arena.floats(pair_values(count, k) / 2));
  constexpr int64_t kGrain = int64_t{16} * 1024;  // values: a few microseconds
  const int64_t each = std::max(int64_t{1}, static_cast<int64_t>(source.size()) / parts);
  c.pool.parallel_for(parts, std::max(int64_t{1}, kGrain / each), [&](int64_t begin, int64_t end) {
    pack_part(source.data, static_cast<size_t>(source.cols), count, k, blocks,
              static_cast<int>(begin), static_cast<int>(end));
  });
  return {blocks, count, k};
}

}  // namespace

PairOperand pack_rows(Context& c, PackPairs pack_part, ConstTensor source) {
  return pack(c, pack_part, source, source.rows, source.cols, panels_for(source.rows));
}

PairOperand pack_columns(Context& c, PackPairs pack_part, ConstTensor source) {
  return pack(c, pack_part, source, source.cols, source.rows, pair_blocks(source.rows));
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
