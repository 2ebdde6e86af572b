#include "ops/linear.h"

#include <algorithm>
#include <vector>

#include "ops/product.h"

namespace transept {

Tensor linear(Context& c, const Weight& weight, const Weight& bias, ConstTensor x) {
  Tensor y = c.arena.tensor(x.rows, weight.rows);
  multiply_packed(c, x, weight, bias, y);
  if (c.tape == nullptr) return y;
  const bool to_input = c.tape->tracks(x);
  if (!to_input && weight.grad == nullptr && bias.grad == nullptr) return y;
  check_trainable(weight);
  c.tape->record(y, [&c, &weight, &bias, x, y, to_input] {
    const Tape::Claim dx = to_input ? c.tape->claim(x) : Tape::Claim{};
    linear_backward(c, weight, bias, x, c.tape->grad(y), dx.grad, dx.fresh);
  });
  return y;
}

void check_trainable(const Weight& weight) {
  check(weight.dtype == DType::f32, ErrorCode::unsupported,
        "{} is stored as {}: gradients need f32, so train in f32 and quantise after", weight.name,
        name_of(weight.dtype));
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
      widen(weight.dtype, weight.values, cols * static_cast<size_t>(first),
            cols * static_cast<size_t>(n), rows.data());
      kernels.pack_f32(rows.data(), cols, n, weight.cols,
                       packed + static_cast<size_t>(panel) * panel_size, 0, 1);
    }
  });
}

}  // namespace transept
