#include "ops/product.h"

#include <algorithm>

#include "kernels/int4.h"
#include "ops/linear.h"
#include "ops/product_pairs.h"
#include "ops/shape.h"
#include "ops/slices.h"

namespace transept {
namespace {

// Near-equal blocks of m rows of the left operand, `bytes` each, that stay in a core's cache while
// the panels of the right one pass by. Whole strips of any instruction set but the last.
int rows_per_block(int m, size_t bytes) {
  constexpr size_t kCacheBytes = size_t{1} << 20;
  constexpr int kStrip = 32;
  const int most = std::clamp(static_cast<int>(kCacheBytes / std::max(bytes, size_t{1})), 8, 288);
  const int blocks = std::max(1, (m + most - 1) / most);
  const int even = (m + blocks - 1) / blocks;
  return most < kStrip ? most : std::min((even + kStrip - 1) / kStrip * kStrip, most);
}

// Below this many multiplications a product is not worth waking another thread.
constexpr int64_t kSmallProduct = int64_t{32} * 1024;

// A piece of a product: output rows [row, row + m), panels [begin, end).
struct Part {
  int row, m, begin, end;
};

// f(Part) over row blocks times column ranges, a few per thread so that none waits long for the
// last.
template <class F>
void for_each_part(const Context& c, int m, int panels, int k, size_t row_bytes, F&& f) {
  const int block = rows_per_block(m, row_bytes);
  const int row_blocks = (m + block - 1) / block;
  const int64_t block_work = int64_t{std::min(block, m)} * k * panels * kLanes;
  const bool small = block_work * row_blocks < kSmallProduct;
  // No task longer than a slice, where there are any.
  const int least = c.on_pause == nullptr
                        ? c.pool.size()
                        : std::max(c.pool.size(), static_cast<int>(block_work / kSliceWork));
  const int column_ranges = small ? 1
                                  : std::clamp(4 * c.pool.size() / std::max(row_blocks, 1),
                                               std::min(least, panels), panels);
  const auto run = [&](int64_t first, int64_t last) {
    const int64_t tasks = last - first;
    c.pool.parallel_for(tasks, small ? tasks : 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = first + begin; task < first + end; ++task) {
        const int row = static_cast<int>(task / column_ranges) * block;
        const int64_t range = task % column_ranges;
        f(Part{row, std::min(block, m - row), static_cast<int>(panels * range / column_ranges),
               static_cast<int>(panels * (range + 1) / column_ranges)});
      }
    });
  };
  const int64_t task_work = block_work / column_ranges;
  in_slices(
      c, int64_t{row_blocks} * column_ranges, [&](int64_t) { return task_work; }, run);
}

GemmF32 part_of(GemmF32 g, const Part& part) {
  g.a += static_cast<size_t>(part.row) * g.lda;
  g.y += static_cast<size_t>(part.row) * g.ldy;
  g.m = part.m;
  return g;
}

void run_gemm(Context& c, const GemmF32& g) {
  for_each_part(
      c, g.m, panels_for(g.n), g.k, static_cast<size_t>(g.k) * sizeof(float),
      [&](const Part& part) { c.kernels.gemm_f32(part_of(g, part), part.begin, part.end); });
}

// The rows of a left operand, also quantised where a weight is.
struct Rows {
  ConstTensor values;
  int count = 0;
  const uint8_t* bytes = nullptr;  // [count, int8_row_bytes(cols)], in the arena
  const float* scales = nullptr;

  [[nodiscard]] size_t row_bytes() const {
    return bytes == nullptr ? static_cast<size_t>(values.cols) * sizeof(float)
                            : int8_row_bytes(values.cols);
  }
};

// If `fine`, as many rows again: what the bytes of a row lack of its values, in bytes and a scale
// of its own. Together they are 15 bits.
Rows quantized(Context& c, ConstTensor a, bool fine) {
  constexpr int64_t kGrain = 16;  // rows: about as long as waking a thread takes
  const size_t stride = int8_row_bytes(a.cols);
  const auto rows = static_cast<size_t>(a.rows);
  const size_t count = fine ? 2 * rows : rows;
  auto* bytes = reinterpret_cast<uint8_t*>(c.arena.floats(count * stride / sizeof(float)));
  float* scale = c.arena.floats(count);
  c.pool.parallel_for(a.rows, kGrain, [&](int64_t begin, int64_t end) {
    std::vector<float> rest(fine ? static_cast<size_t>(a.cols) : 0);
    for (auto r = static_cast<size_t>(begin); r < static_cast<size_t>(end); ++r) {
      const float* values = a.row(static_cast<int>(r));
      const uint8_t* own = bytes + r * stride;
      c.kernels.quantize_row(values, a.cols, bytes + r * stride, scale + r);
      if (!fine) continue;
      for (size_t i = 0; i < rest.size(); ++i)
        rest[i] = values[i] - scale[r] * static_cast<float>(own[i] - kZeroPoint);
      c.kernels.quantize_row(rest.data(), a.cols, bytes + (rows + r) * stride, scale + rows + r);
    }
  });
  return {a, static_cast<int>(count), bytes, scale};
}

// The outputs of a part, the first one at y[0].
void run_part(const KernelTable& kernels, const Rows& a, const Factor& by, const Part& part,
              float* y, size_t ldy) {
  const Weight& weight = *by.weight;
  const auto row = static_cast<size_t>(part.row);
  const int k = weight.cols;
  const int panels = part.end - part.begin;
  const int first = part.begin * kLanes;
  const int n = std::min(panels * kLanes, weight.rows - first);
  const float* bias = by.shift() == nullptr ? nullptr : by.shift() + first;
  const std::byte* packed =
      weight.packed.data() + static_cast<size_t>(part.begin) * panel_bytes(weight.storage, k);
  if (is_quantized(weight.storage)) {
    const size_t stride = int8_row_bytes(k);
    const GemmI8 g{.a = a.bytes + row * stride,
                   .lda = stride,
                   .a_scale = a.scales + row,
                   .packed = packed,
                   .y = y,
                   .ldy = ldy,
                   .m = part.m,
                   .n = n,
                   .k = k,
                   .bias = bias};
    return weight.storage == Storage::int8 ? kernels.gemm_i8(g, 0, panels)
                                           : multiply_i4(kernels, g, 0, panels);
  }
  const bool is_f32 = weight.storage == Storage::f32;
  const GemmF32 g{.a = a.values.row(part.row),
                  .lda = static_cast<size_t>(k),
                  .packed = is_f32 ? reinterpret_cast<const float*>(packed) : nullptr,
                  .panel_stride = static_cast<size_t>(k) * kLanes,
                  .y = y,
                  .ldy = ldy,
                  .m = part.m,
                  .n = n,
                  .k = k,
                  .bias = bias};
  if (is_f32) return kernels.gemm_f32(g, 0, panels);
  kernels.gemm_bf16(g, reinterpret_cast<const uint16_t*>(packed), 0, panels);
}

bool takes_quantized(const Factor& by) {
  return is_quantized(by.weight->storage);
}

// The panels of all weights in one row.
void run_products(Context& c, const Rows& a, std::span<const Factor> by,
                  std::span<const Tensor> y) {
  int panels = 0;
  for (const Factor& f : by) panels += panels_for(f.weight->rows);
  for_each_part(c, a.count, panels, a.values.cols, a.row_bytes(), [&](const Part& part) {
    int first = 0;
    for (size_t i = 0; i < by.size(); ++i) {
      const int own = panels_for(by[i].weight->rows);
      const int begin = std::max(part.begin - first, 0);
      const int end = std::min(part.end - first, own);
      first += own;
      if (begin >= end) continue;
      run_part(c.kernels, a, by[i], {part.row, part.m, begin, end},
               y[i].row(part.row) + static_cast<size_t>(begin) * kLanes,
               static_cast<size_t>(y[i].cols));
    }
  });
}

// The sum of what the two halves of each row give.
void multiply_fine(Context& c, ConstTensor a, const Factor& by, Tensor y) {
  static const Weight kNoBias;
  const Factor alone{by.weight, &kNoBias};
  const Tensor halves = c.arena.tensor(2 * a.rows, y.cols);
  run_products(c, quantized(c, a, true), {&alone, 1}, {&halves, 1});
  c.pool.parallel_for(a.rows, 16, [&](int64_t begin, int64_t end) {
    for (int r = static_cast<int>(begin); r < static_cast<int>(end); ++r) {
      c.kernels.add(halves.row(r), halves.row(a.rows + r), y.cols, y.row(r));
      if (by.shift() != nullptr) c.kernels.add(y.row(r), by.shift(), y.cols, y.row(r));
    }
  });
}

// Rows [begin, begin + k) of b as panels of the transposed problem, in the arena.
const float* pack_panels(Context& c, ConstTensor b, int begin, int k) {
  const int panels = panels_for(b.cols);
  float* packed = c.arena.floats(static_cast<size_t>(panels) * static_cast<size_t>(k) * kLanes);
  const int64_t grain = std::max(int64_t{1}, int64_t{8} * 1024 / (int64_t{k} * kLanes));
  c.pool.parallel_for(panels, grain, [&](int64_t first, int64_t last) {
    c.kernels.pack_columns_f32(b.row(begin), static_cast<size_t>(b.cols), b.cols, k, packed,
                               static_cast<int>(first), static_cast<int>(last));
  });
  return packed;
}

// Output rows of one task of multiply_transposed: whole strips, enough tasks for all threads, and
// no more than fit a core's cache.
int strip_block(int m, int threads) {
  return std::clamp(m / (8 * threads) / kStripRows * kStripRows, kStripRows, 8 * kStripRows);
}

}  // namespace

void multiply_packed(Context& c, ConstTensor a, std::span<const Factor> by,
                     std::span<const Tensor> y) {
  const Arena::Frame frame(c.arena);
  if (c.in_pairs) {
    const PairOperand left = pack_rows(c, c.kernels.pairs->left_rows, a);
    for (size_t i = 0; i < by.size(); ++i) {
      const Arena::Frame weight_frame(c.arena);
      const Weight& weight = *by[i].weight;
      const ConstTensor w{weight.f32(), weight.rows, weight.cols};
      multiply_pairs(c, left, pack_rows(c, c.kernels.pairs->right_rows, w), by[i].shift(), false,
                     y[i]);
    }
    return;
  }
  if (by.front().weight->fine) {
    dcheck(by.size() == 1);
    return multiply_fine(c, a, by.front(), y.front());
  }
  const bool quantise = std::ranges::any_of(by, takes_quantized);
  run_products(c, quantise ? quantized(c, a, false) : Rows{a, a.rows}, by, y);
}

void multiply_in_pieces(Context& c, ConstTensor a, const Factor& by, int piece,
                        const std::function<void(const Piece&)>& f) {
  dcheck(!c.in_pairs && !by.weight->fine);
  const Arena::Frame frame(c.arena);
  const Rows rows = takes_quantized(by) ? quantized(c, a, false) : Rows{a, a.rows};
  const int panels = panels_for(by.weight->rows);
  const int pieces = (panels + piece - 1) / piece;
  const int width = piece * kLanes;
  const Tensor scratch = c.arena.tensor(c.pool.size() * a.rows, width);
  c.pool.parallel_for(pieces, 1, [&](int thread, int64_t begin, int64_t end) {
    const Tensor y = scratch.slice(thread * a.rows, (thread + 1) * a.rows);
    for (int index = static_cast<int>(begin); index < static_cast<int>(end); ++index) {
      const Part part{0, a.rows, index * piece, std::min((index + 1) * piece, panels)};
      run_part(c.kernels, rows, by, part, y.data, static_cast<size_t>(width));
      const int first = part.begin * kLanes;
      f({thread, index, first, std::min(width, by.weight->rows - first), y});
    }
  });
}

void multiply(Context& c, ConstTensor a, ConstTensor b, Tensor y, bool accumulate) {
  check_shape(a.cols == b.rows && a.rows == y.rows && b.cols == y.cols, a, b, "multiply");
  if (c.in_pairs) {
    const Arena::Frame frame(c.arena);
    return multiply_pairs(c, pack_rows(c, c.kernels.pairs->left_rows, a),
                          pack_columns(c, c.kernels.pairs->right_columns, b), nullptr, accumulate,
                          y);
  }
  constexpr int kBlock = 512;  // of the inner dimension: 32 KiB of a panel
  for (int begin = 0; begin < a.cols; begin += kBlock) {
    const Arena::Frame frame(c.arena);
    const int k = std::min(kBlock, a.cols - begin);
    run_gemm(c, {.a = a.data + begin,
                 .lda = static_cast<size_t>(a.cols),
                 .packed = pack_panels(c, b, begin, k),
                 .panel_stride = static_cast<size_t>(k) * kLanes,
                 .y = y.data,
                 .ldy = static_cast<size_t>(y.cols),
                 .m = a.rows,
                 .n = y.cols,
                 .k = k,
                 .bias = nullptr,
                 .accumulate = accumulate || begin > 0});
  }
}

void multiply_transposed(Context& c, ConstTensor a, ConstTensor b, Tensor y) {
  check_shape(a.rows == b.rows && a.cols == y.rows && b.cols == y.cols, a, b,
              "multiply_transposed");
  if (c.in_pairs) {
    const Arena::Frame frame(c.arena);
    return multiply_pairs(c, pack_columns(c, c.kernels.pairs->left_columns, a),
                          pack_columns(c, c.kernels.pairs->right_columns, b), nullptr, true, y);
  }
  constexpr int kBlock = 1024;  // of the inner dimension: a strip stays in the first-level cache
  const int block = strip_block(y.rows, c.pool.size());
  const int64_t tasks = (y.rows + block - 1) / block;
  for (int begin = 0; begin < a.rows; begin += kBlock) {
    const Arena::Frame frame(c.arena);
    const int k = std::min(kBlock, a.rows - begin);
    const float* packed = pack_panels(c, b, begin, k);
    const size_t size = static_cast<size_t>(block) * static_cast<size_t>(k);
    float* strips = c.arena.floats(size * static_cast<size_t>(c.pool.size()));
    const bool small = int64_t{k} * y.rows * y.cols < kSmallProduct;
    c.pool.parallel_for(tasks, small ? tasks : 1, [&](int thread, int64_t first, int64_t last) {
      float* own = strips + static_cast<size_t>(thread) * size;
      for (int64_t task = first; task < last; ++task) {
        const int row = static_cast<int>(task) * block;
        const int m = std::min(block, y.rows - row);
        c.kernels.pack_strips_f32(a.row(begin) + row, static_cast<size_t>(a.cols), m, k, own);
        const GemmF32 g{.a = own,
                        .lda = 0,
                        .packed = packed,
                        .panel_stride = static_cast<size_t>(k) * kLanes,
                        .y = y.row(row),
                        .ldy = static_cast<size_t>(y.cols),
                        .m = m,
                        .n = y.cols,
                        .k = k,
                        .bias = nullptr,
                        .accumulate = true};
        c.kernels.gemm_strips_f32(g, 0, panels_for(y.cols));
      }
    });
  }
}

void add_column_sums(Context& c, ConstTensor a, float* y) {
  constexpr int64_t kColumns = int64_t{8} * kLanes;
  c.pool.parallel_for((a.cols + kColumns - 1) / kColumns, 1, [&](int64_t begin, int64_t end) {
    const int first = static_cast<int>(begin * kColumns);
    const int last = std::min(a.cols, static_cast<int>(end * kColumns));
    c.kernels.add_rows(a.data + first, static_cast<size_t>(a.cols), a.rows, last - first,
                       y + first);
  });
}

void linear_backward(Context& c, const Weight& weight, const Weight& bias, ConstTensor x,
                     ConstTensor dy, Tensor dx, bool fresh) {
  if (bias.grad != nullptr) add_column_sums(c, dy, bias.grad);
  if (weight.grad != nullptr)
    multiply_transposed(c, dy, x, {weight.grad, weight.rows, weight.cols});
  if (dx.data != nullptr) multiply(c, dy, {weight.f32(), weight.rows, weight.cols}, dx, !fresh);
}

}  // namespace transept
