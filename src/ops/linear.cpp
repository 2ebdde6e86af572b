#include "ops/linear.h"

#include <algorithm>
#include <vector>

#include "base/half.h"

namespace transept {
namespace {

// Rows of x that stay in a core's cache while the panels of the weight pass by. A multiple of 6,
// the height of a tile.
int rows_per_block(int k) {
  constexpr int kCacheFloats = 64 * 1024;
  return std::max(6, std::min(240, kCacheFloats / std::max(k, 1)) / 6 * 6);
}

// Below this many multiplications a product is not worth waking another thread.
constexpr int64_t kSmallProduct = int64_t{32} * 1024;

}  // namespace

Tensor linear(Context& c, const Weight& weight, const Weight& bias, ConstTensor x) {
  dcheck(x.cols == weight.cols && weight.packed.size() > 0);
  Tensor y = c.arena.tensor(x.rows, weight.rows);
  const int panels = panels_for(weight.rows);
  const int block = rows_per_block(x.cols);
  const int row_blocks = (x.rows + block - 1) / block;
  const bool small = int64_t{x.rows} * x.cols * weight.rows < kSmallProduct;
  // Tasks: row blocks times column ranges, a few per thread so that none waits long for the last.
  const int column_ranges =
      small ? 1 : std::clamp(4 * c.pool.size() / std::max(row_blocks, 1), c.pool.size(), panels);
  const auto run = [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int row = static_cast<int>(task / column_ranges) * block;
      const int range = static_cast<int>(task % column_ranges);
      const GemmF32 g{.a = x.row(row),
                      .lda = static_cast<size_t>(x.cols),
                      .packed = weight.packed.as<float>(),
                      .panel_stride = static_cast<size_t>(x.cols) * kLanes,
                      .y = y.row(row),
                      .ldy = static_cast<size_t>(y.cols),
                      .m = std::min(block, x.rows - row),
                      .n = weight.rows,
                      .k = x.cols,
                      .bias = bias.empty() ? nullptr : bias.f32()};
      c.kernels.gemm_f32(g, static_cast<int>(int64_t{panels} * range / column_ranges),
                         static_cast<int>(int64_t{panels} * (range + 1) / column_ranges));
    }
  };
  const int64_t tasks = int64_t{row_blocks} * column_ranges;
  c.pool.parallel_for(tasks, small ? tasks : 1, run);
  return y;
}

void pack(Weight& weight, ThreadPool& pool, const KernelTable& kernels) {
  const int panels = panels_for(weight.rows);
  const size_t panel_size = static_cast<size_t>(weight.cols) * kLanes;
  const size_t bytes = static_cast<size_t>(panels) * panel_size * sizeof(float);
  if (weight.packed.size() != bytes) weight.packed = Buffer(bytes);
  auto* packed = weight.packed.as<float>();
  pool.parallel_for(panels, 16, [&](int64_t begin, int64_t end) {
    const auto cols = static_cast<size_t>(weight.cols);
    if (weight.dtype == DType::f32) {
      kernels.pack_f32(weight.f32(), cols, weight.rows, weight.cols, packed,
                       static_cast<int>(begin), static_cast<int>(end));
      return;
    }
    std::vector<float> rows(cols * kLanes);
    for (int64_t panel = begin; panel < end; ++panel) {
      const int first = static_cast<int>(panel) * kLanes;
      const int n = std::min(kLanes, weight.rows - first);
      const auto* halves =
          static_cast<const uint16_t*>(weight.values) + cols * static_cast<size_t>(first);
      for (size_t i = 0; i < cols * static_cast<size_t>(n); ++i) {
        rows[i] = weight.dtype == DType::bf16 ? from_bfloat16(halves[i]) : from_float16(halves[i]);
      }
      kernels.pack_f32(rows.data(), cols, n, weight.cols,
                       packed + static_cast<size_t>(panel) * panel_size, 0, 1);
    }
  });
}

}  // namespace transept
