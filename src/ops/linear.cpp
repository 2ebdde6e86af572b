#include "ops/linear.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/half.h"
#include "kernels/int4.h"
#include "ops/product.h"
#include "ops/shape.h"

namespace transept {
namespace {

// Rows [first, first + n) of the stored values as f32, as they are packed; `scratch` holds them if
// they had to be converted.
const float* stored_rows(const Weight& weight, int first, int n, std::vector<float>& scratch) {
  const auto cols = static_cast<size_t>(weight.cols);
  const size_t start = static_cast<size_t>(first) * cols;
  if (weight.dtype == DType::f32 && weight.columns.empty()) return weight.f32() + start;
  scratch.resize(static_cast<size_t>(n) * cols);
  widen(weight.dtype, weight.values, start, scratch.size(), scratch.data());
  if (!weight.columns.empty())
    for (size_t i = 0; i < scratch.size(); ++i) scratch[i] *= weight.columns[i % cols];
  return scratch.data();
}

void pack_panel_bf16(const float* rows, int n, int k, uint16_t* panel) {
  for (int i = 0; i < k; ++i) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const float* row = rows + static_cast<size_t>(lane) * static_cast<size_t>(k);
      *panel++ = lane < n ? to_bfloat16(row[i]) : uint16_t{0};
    }
  }
}

void pack_panel(const Weight& weight, const float* rows, int n, const KernelTable& kernels,
                std::byte* panel) {
  const auto cols = static_cast<size_t>(weight.cols);
  switch (weight.storage) {
    case Storage::f32:
      return kernels.pack_f32(rows, cols, n, weight.cols, reinterpret_cast<float*>(panel), 0, 1);
    case Storage::bf16:
      return pack_panel_bf16(rows, n, weight.cols, reinterpret_cast<uint16_t*>(panel));
    case Storage::int8:
      return pack_panel_i8(rows, cols, n, weight.cols, panel);
    case Storage::int4:
      return pack_panel_i4(rows, cols, n, weight.cols, panel);
  }
}

// Every form of panel is columns of 16 elements, one per output: values, or the words of int8.h and
// int4.h.
template <class Element>
void take_panel(const Weight& weight, std::span<const int32_t> rows, std::byte* panel) {
  const size_t bytes = panel_bytes(weight.storage, weight.cols);
  const size_t n = bytes / (kLanes * sizeof(Element));
  auto* to = reinterpret_cast<Element*>(panel);
  for (size_t lane = 0; lane < kLanes; ++lane) {
    if (lane >= rows.size()) {
      for (size_t i = 0; i < n; ++i) to[i * kLanes + lane] = Element{};
      continue;
    }
    const auto row = static_cast<size_t>(rows[lane]);
    const size_t first = row / kLanes * kLanes * n + row % kLanes;
    const std::byte* from = weight.packed.data() + first * sizeof(Element);
    for (size_t i = 0; i < n; ++i) {
      std::memcpy(to + i * kLanes + lane, from + i * kLanes * sizeof(Element), sizeof(Element));
    }
  }
}

void check_factor(const Context& c, const Factor& by, ConstTensor x) {
  const Weight& weight = *by.weight;
  check_shape(x.cols == weight.cols, weight, x);
  check(by.bias->empty() || by.bias->cols == weight.rows, ErrorCode::internal,
        "{}: {} outputs, a bias of {}", weight.name, weight.rows, by.bias->cols);
  check(c.in_pairs || weight.packed.size() > 0, ErrorCode::internal, "{} is not packed",
        weight.name);
}

void record(Context& c, const Weight& weight, const Weight& bias, ConstTensor x, Tensor y) {
  if (c.tape == nullptr) return;
  const bool to_input = c.tape->tracks(x);
  if (!to_input && weight.grad == nullptr && bias.grad == nullptr) return;
  check_trainable(weight);
  c.tape->record(y, [&c, &weight, &bias, x, y, to_input] {
    const Tape::Claim dx = to_input ? c.tape->claim(x) : Tape::Claim{};
    linear_backward(c, weight, bias, x, c.tape->grad(y), dx.grad, dx.fresh);
  });
}

}  // namespace

void linear(Context& c, std::span<const Factor> by, ConstTensor x, std::span<Tensor> y) {
  for (size_t i = 0; i < by.size(); ++i) {
    if (c.observer != nullptr) c.observer->on_product(*by[i].weight, x);
    check_factor(c, by[i], x);
    y[i] = c.arena.tensor(x.rows, by[i].weight->rows);
  }
  multiply_packed(c, x, by, y);
  for (size_t i = 0; i < by.size(); ++i) record(c, *by[i].weight, *by[i].bias, x, y[i]);
}

Tensor linear(Context& c, const Weight& weight, const Weight& bias, ConstTensor x) {
  const Factor by{&weight, &bias};
  Tensor y;
  linear(c, {&by, 1}, x, {&y, 1});
  return y;
}

void check_trainable(const Weight& weight) {
  check(weight.dtype == DType::f32 && weight.storage == Storage::f32, ErrorCode::unsupported,
        "{} is stored as {}: gradients need f32, so train in f32 and quantise after", weight.name,
        weight.storage == Storage::f32 ? name_of(weight.dtype) : name_of(weight.storage));
}

size_t panel_bytes(Storage storage, int cols) {
  if (storage == Storage::int8) return int8_panel_bytes(cols);
  if (storage == Storage::int4) return int4_panel_bytes(cols);
  const size_t element = storage == Storage::f32 ? sizeof(float) : sizeof(uint16_t);
  return static_cast<size_t>(cols) * kLanes * element;
}

void pack(Weight& weight, ThreadPool& pool, const KernelTable& kernels) {
  check(!is_quantized(weight.storage) || weight.cols <= kInt8MostColumns, ErrorCode::unsupported,
        "{}: {} columns, {} takes at most {}; load it as bf16", weight.name, weight.cols,
        name_of(weight.storage), kInt8MostColumns);
  const int panels = panels_for(weight.rows);
  const size_t each = panel_bytes(weight.storage, weight.cols);
  const size_t bytes = static_cast<size_t>(panels) * each;
  if (weight.packed.size() != bytes) weight.packed = Buffer(bytes);
  pool.parallel_for(panels, 16, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch;
    for (int panel = static_cast<int>(begin); panel < static_cast<int>(end); ++panel) {
      const int first = panel * kLanes;
      const int n = std::min(kLanes, weight.rows - first);
      pack_panel(weight, stored_rows(weight, first, n, scratch), n, kernels,
                 weight.packed.data() + static_cast<size_t>(panel) * each);
    }
  });
}

Weight take_outputs(const Weight& weight, std::span<const int32_t> rows, ThreadPool& pool) {
  Weight taken;
  taken.name = weight.name;
  taken.rows = static_cast<int>(rows.size());
  taken.cols = weight.cols;
  taken.storage = weight.storage;
  const size_t each = panel_bytes(weight.storage, weight.cols);
  const int panels = panels_for(taken.rows);
  taken.packed = Buffer(static_cast<size_t>(panels) * each);
  pool.parallel_for(panels, 4, [&](int64_t begin, int64_t end) {
    for (auto panel = static_cast<size_t>(begin); panel < static_cast<size_t>(end); ++panel) {
      const size_t first = panel * kLanes;
      const auto own = rows.subspan(first, std::min<size_t>(kLanes, rows.size() - first));
      std::byte* to = taken.packed.data() + panel * each;
      if (weight.storage == Storage::bf16) {
        take_panel<uint16_t>(weight, own, to);
      } else {
        take_panel<uint32_t>(weight, own, to);
      }
    }
  });
  return taken;
}

void unpack_row(const Weight& weight, int index, float* values) {
  const int lane = index % kLanes;
  const std::byte* panel = weight.packed.data() + static_cast<size_t>(index / kLanes) *
                                                      panel_bytes(weight.storage, weight.cols);
  if (weight.storage == Storage::int8) {
    unpack_row_i8(panel, lane, weight.cols, values);
  } else if (weight.storage == Storage::int4) {
    unpack_row_i4(panel, lane, weight.cols, values);
  } else if (weight.storage == Storage::f32) {
    const auto* floats = reinterpret_cast<const float*>(panel) + lane;
    for (int k = 0; k < weight.cols; ++k) values[k] = floats[ptrdiff_t{k} * kLanes];
  } else {
    const auto* halves = reinterpret_cast<const uint16_t*>(panel) + lane;
    for (int k = 0; k < weight.cols; ++k) values[k] = from_bfloat16(halves[ptrdiff_t{k} * kLanes]);
  }
  for (size_t k = 0; k < weight.columns.size(); ++k) values[k] /= weight.columns[k];
}

void copy_values(const Weight& weight, float* out) {
  if (weight.values != nullptr) return widen(weight.dtype, weight.values, 0, weight.size(), out);
  const auto cols = static_cast<size_t>(weight.cols);
  for (int r = 0; r < weight.rows; ++r) unpack_row(weight, r, out + static_cast<size_t>(r) * cols);
}

Buffer stored_values(const Weight& weight) {
  dcheck(weight.storage == Storage::f32);
  Buffer out(weight.size() * size_of(weight.dtype));
  if (weight.values != nullptr) {
    std::memcpy(out.data(), weight.values, out.size());
    return out;
  }
  const auto cols = static_cast<size_t>(weight.cols);
  std::vector<float> row(cols);
  for (int r = 0; r < weight.rows; ++r) {
    unpack_row(weight, r, row.data());
    narrow(weight.dtype, row.data(), cols, static_cast<size_t>(r) * cols, out.data());
  }
  return out;
}

}  // namespace transept
