#include "ops/embed.h"

#include "base/half.h"

namespace transept {
namespace {

// Row `index` of a table in whatever type it is stored, as f32; `scratch` holds it if it had to be
// converted.
const float* row_of(const Weight& table, int index, float* scratch) {
  const auto cols = static_cast<size_t>(table.cols);
  const size_t start = static_cast<size_t>(index) * cols;
  if (table.dtype == DType::f32) return table.f32() + start;
  const auto* halves = static_cast<const uint16_t*>(table.values) + start;
  for (size_t i = 0; i < cols; ++i) {
    scratch[i] = table.dtype == DType::bf16 ? from_bfloat16(halves[i]) : from_float16(halves[i]);
  }
  return scratch;
}

}  // namespace

Tensor embed(Context& c, const Weight& table, std::span<const int32_t> ids, float scale) {
  Tensor y = c.arena.tensor(static_cast<int>(ids.size()), table.cols);
  for (int r = 0; r < y.rows; ++r) {
    const float* row = row_of(table, ids[static_cast<size_t>(r)], y.row(r));
    c.kernels.scale(row, scale, y.cols, y.row(r));
  }
  return y;
}

void add_rows(Context& c, Tensor x, const Weight& table, std::span<const int32_t> ids) {
  const Arena::Frame frame(c.arena);
  float* scratch = c.arena.floats(static_cast<size_t>(x.cols));
  for (int r = 0; r < x.rows; ++r) {
    const float* row = row_of(table, ids[static_cast<size_t>(r)], scratch);
    c.kernels.add(x.row(r), row, x.cols, x.row(r));
  }
}

}  // namespace transept
