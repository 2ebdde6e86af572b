#include "ops/embed.h"

#include <algorithm>
#include <vector>

#include "ops/linear.h"
#include "ops/shape.h"

namespace transept {
namespace {

// Row `index` of a table as f32, which `scratch` holds if it had to be converted. A table that is
// in panels alone is read there, so that what is looked up is what is multiplied with.
const float* row_of(const Weight& table, int index, float* scratch) {
  const auto cols = static_cast<size_t>(table.cols);
  const size_t start = static_cast<size_t>(index) * cols;
  if (table.storage != Storage::f32 || table.values == nullptr) {
    unpack_row(table, index, scratch);
    return scratch;
  }
  if (table.dtype == DType::f32) return table.f32() + start;
  widen(table.dtype, table.values, start, cols, scratch);
  return scratch;
}

// table.grad[ids[r]] += scale * dy[r], row after row; threads share the columns.
void scatter_rows(Context& c, const Weight& table, std::span<const int32_t> ids, float scale,
                  ConstTensor dy) {
  constexpr int64_t kColumns = int64_t{4} * kLanes;
  c.pool.parallel_for((dy.cols + kColumns - 1) / kColumns, 1, [&](int64_t begin, int64_t end) {
    const int64_t first = begin * kColumns;
    const int64_t n = std::min(int64_t{dy.cols}, end * kColumns) - first;
    for (int r = 0; r < dy.rows; ++r) {
      const auto id = static_cast<size_t>(ids[static_cast<size_t>(r)]);
      float* to = table.grad + id * static_cast<size_t>(dy.cols) + first;
      c.kernels.scale_add(dy.row(r) + first, scale, to, n, to);
    }
  });
}

void check_ids(const Weight& table, std::span<const int32_t> ids, size_t rows) {
  check(ids.size() == rows, ErrorCode::internal, "{}: {} ids for {} rows", table.name, ids.size(),
        rows);
  for (const int32_t id : ids) {
    check(id >= 0 && id < table.rows, ErrorCode::internal, "{}: id {} of a table of {} rows",
          table.name, id, table.rows);
  }
}

std::vector<int32_t> copied(std::span<const int32_t> ids) {
  return {ids.begin(), ids.end()};
}

}  // namespace

Tensor embed(Context& c, const Weight& table, std::span<const int32_t> ids, float scale) {
  check_ids(table, ids, ids.size());
  Tensor y = c.arena.tensor(static_cast<int>(ids.size()), table.cols);
  for (int r = 0; r < y.rows; ++r) {
    const float* row = row_of(table, ids[static_cast<size_t>(r)], y.row(r));
    c.kernels.scale(row, scale, y.cols, y.row(r));
  }
  if (c.tape != nullptr && table.grad != nullptr) {
    c.tape->record(y, [&c, &table, own = copied(ids), scale, y] {
      scatter_rows(c, table, own, scale, c.tape->grad(y));
    });
  }
  return y;
}

void add_rows(Context& c, Tensor x, const Weight& table, std::span<const int32_t> ids) {
  check_shape(x.cols == table.cols, table, x);
  check_ids(table, ids, static_cast<size_t>(x.rows));
  const Arena::Frame frame(c.arena);
  float* scratch = c.arena.floats(static_cast<size_t>(x.cols));
  for (int r = 0; r < x.rows; ++r) {
    const float* row = row_of(table, ids[static_cast<size_t>(r)], scratch);
    c.kernels.add(x.row(r), row, x.cols, x.row(r));
  }
  if (c.tape != nullptr && table.grad != nullptr) {
    c.tape->record_in_place(
        x, [&c, &table, own = copied(ids), x] { scatter_rows(c, table, own, 1, c.tape->grad(x)); });
  }
}

Tensor gather_rows(Context& c, ConstTensor x, std::span<const int32_t> rows) {
  for (const int32_t row : rows) {
    check(row >= 0 && row < x.rows, ErrorCode::internal, "gather_rows: row {} of {}", row, x.rows);
  }
  Tensor y = c.arena.tensor(static_cast<int>(rows.size()), x.cols);
  for (int r = 0; r < y.rows; ++r)
    std::copy_n(x.row(rows[static_cast<size_t>(r)]), x.cols, y.row(r));
  if (c.tape != nullptr && c.tape->tracks(x)) {
    c.tape->record(y, [&c, own = copied(rows), x, y] {
      const Tensor dx = c.tape->grad(x);
      const Tensor dy = c.tape->grad(y);
      for (int r = 0; r < dy.rows; ++r) {
        float* to = dx.row(own[static_cast<size_t>(r)]);
        c.kernels.add(to, dy.row(r), dy.cols, to);
      }
    });
  }
  return y;
}

}  // namespace transept
