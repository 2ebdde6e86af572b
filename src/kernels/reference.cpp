// The scalar table. Slow and plain: it states what every other table must compute, to the bit.
//
// Sums over a row are 16 partial sums (sum j takes the elements j, j + 16, ...) added by one fixed
// tree, because that is what 16 vector lanes do.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "base/half.h"
#include "base/rng.h"
#include "kernels/inl.h"
#include "kernels/int4.h"
#include "kernels/kernels.h"

namespace transept {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

#include "kernels/scalar.inl"

#include "kernels/math.inl"

#include "kernels/quantizer.inl"

using Partial = std::array<float, kLanes>;

Partial filled(float value) {
  Partial partial;
  partial.fill(value);
  return partial;
}

float tree_sum(Partial s) {
  for (size_t width = kLanes / 2; width > 0; width /= 2)
    for (size_t j = 0; j < width; ++j) s[j] = s[j] + s[j + width];
  return s[0];
}

float tree_max(Partial s) {
  for (size_t width = kLanes / 2; width > 0; width /= 2)
    for (size_t j = 0; j < width; ++j) s[j] = max(s[j], s[j + width]);
  return s[0];
}

void gemm_f32(const GemmF32& g, int panel_begin, int panel_end) {
  const auto k = static_cast<size_t>(g.k);
  for (int panel = panel_begin; panel < panel_end; ++panel) {
    const float* w = g.packed + static_cast<size_t>(panel) * g.panel_stride;
    for (int row = 0; row < g.m; ++row) {
      const float* a = g.a + static_cast<size_t>(row) * g.lda;
      Partial sum = filled(0.0f);
      for (size_t i = 0; i < k; ++i)
        for (size_t j = 0; j < kLanes; ++j) sum[j] = fma(a[i], w[i * kLanes + j], sum[j]);
      float* y = g.y + static_cast<size_t>(row) * g.ldy;
      for (int n = panel * kLanes; n < g.n && n < (panel + 1) * kLanes; ++n) {
        const float value = sum[static_cast<size_t>(n % kLanes)];
        const float out = g.bias != nullptr ? value + g.bias[n] : value;
        y[n] = g.accumulate ? y[n] + out : out;
      }
    }
  }
}

void pack_f32(const float* source, size_t ld, int n, int k, float* packed, int panel_begin,
              int panel_end) {
  for (int panel = panel_begin; panel < panel_end; ++panel) {
    float* out = packed + static_cast<size_t>(panel) * static_cast<size_t>(k) * kLanes;
    for (int i = 0; i < k; ++i)
      for (int row = panel * kLanes; row < (panel + 1) * kLanes; ++row)
        *out++ = row < n ? source[static_cast<size_t>(row) * ld + static_cast<size_t>(i)] : 0.0f;
  }
}

// The product of what widen() makes of each value.
template <class W, class Widen>
void gemm_widened(const GemmF32& g, const W* packed, int panel_begin, int panel_end,
                  Widen&& widen) {
  const size_t each = static_cast<size_t>(g.k) * kLanes;
  std::vector<float> wide(each);
  for (int panel = panel_begin; panel < panel_end; ++panel) {
    for (size_t i = 0; i < each; ++i)
      wide[i] = widen(packed[static_cast<size_t>(panel) * g.panel_stride + i]);
    GemmF32 one = outputs_from(g, panel);
    one.packed = wide.data();
    gemm_f32(one, 0, 1);
  }
}

void gemm_bf16(const GemmF32& g, const uint16_t* packed, int panel_begin, int panel_end) {
  gemm_widened(g, packed, panel_begin, panel_end, from_bfloat16);
}

void gemm_f32_by_i8(const GemmF32& g, const int8_t* packed, int panel_begin, int panel_end) {
  gemm_widened(g, packed, panel_begin, panel_end, [](int8_t w) { return static_cast<float>(w); });
}

void gemm_i8(const GemmI8& g, int panel_begin, int panel_end) {
  const size_t groups = int8_row_bytes(g.k) / 4;
  for (int panel = panel_begin; panel < panel_end; ++panel) {
    const std::byte* from = g.packed + static_cast<size_t>(panel) * int8_panel_bytes(g.k);
    const auto* scale = reinterpret_cast<const float*>(from);
    const auto* correction = reinterpret_cast<const int32_t*>(scale + kLanes);
    const auto* w = reinterpret_cast<const int8_t*>(from + kInt8Header);
    for (int row = 0; row < g.m; ++row) {
      const uint8_t* a = g.a + static_cast<size_t>(row) * g.lda;
      float* y = g.y + static_cast<size_t>(row) * g.ldy;
      for (int n = panel * kLanes; n < g.n && n < (panel + 1) * kLanes; ++n) {
        const auto lane = static_cast<size_t>(n % kLanes);
        int32_t sum = correction[lane];
        for (size_t group = 0; group < groups; ++group)
          for (size_t i = 0; i < 4; ++i)
            sum += a[4 * group + i] * w[(group * kLanes + lane) * 4 + i];
        const float value = static_cast<float>(sum) * (g.a_scale[row] * scale[lane]);
        y[n] = g.bias != nullptr ? value + g.bias[n] : value;
      }
    }
  }
}

void gemm_i4(const GemmI8& g, int panel_begin, int panel_end) {
  std::vector<std::byte> expanded(int8_panel_bytes(g.k));
  for (int panel = panel_begin; panel < panel_end; ++panel) {
    expand_panel_i4(g.packed + static_cast<size_t>(panel) * int4_panel_bytes(g.k), g.k,
                    expanded.data());
    GemmI8 one = outputs_from(g, panel);
    one.packed = expanded.data();
    gemm_i8(one, 0, 1);
  }
}

void quantize_row(const float* x, int k, uint8_t* q, float* scale) {
  uint32_t largest = 0;
  for (int i = 0; i < k; ++i)
    largest = std::max(largest, std::bit_cast<uint32_t>(x[i]) & 0x7FFFFFFFu);
  const Quantizer to = quantizer_for(largest);
  *scale = to.scale;
  const auto size = static_cast<int>(int8_row_bytes(k));
  for (int i = 0; i < size; ++i) {
    const float rounded = fma(i < k && to.inverse != 0.0f ? x[i] : 0.0f, to.inverse, kRoundMagic);
    q[i] = static_cast<uint8_t>(std::bit_cast<uint32_t>(rounded) ^ 0x80u);
  }
}

void layer_norm(const float* x, const float* gain, const float* shift, float eps, int n, float* y,
                float* stats) {
  Partial sum = filled(0.0f);
  for (int i = 0; i < n; ++i) sum[static_cast<size_t>(i % kLanes)] += x[i];
  const float mean = tree_sum(sum) / static_cast<float>(n);
  Partial square = filled(0.0f);
  for (int i = 0; i < n; ++i) {
    float& s = square[static_cast<size_t>(i % kLanes)];
    s = fma(x[i] - mean, x[i] - mean, s);
  }
  const float rstd = 1.0f / std::sqrt(tree_sum(square) / static_cast<float>(n) + eps);
  for (int i = 0; i < n; ++i) {
    const float normal = (x[i] - mean) * rstd;
    y[i] = shift != nullptr ? fma(normal, gain[i], shift[i]) : normal * gain[i];
  }
  if (stats != nullptr) {
    stats[0] = mean;
    stats[1] = rstd;
  }
}

void rms_norm(const float* x, const float* gain, float eps, int n, float* y, float* stats) {
  Partial square = filled(0.0f);
  for (int i = 0; i < n; ++i) {
    float& s = square[static_cast<size_t>(i % kLanes)];
    s = fma(x[i], x[i], s);
  }
  const float rstd = 1.0f / std::sqrt(tree_sum(square) / static_cast<float>(n) + eps);
  for (int i = 0; i < n; ++i) y[i] = x[i] * rstd * gain[i];
  if (stats != nullptr) {
    stats[0] = 0.0f;
    stats[1] = rstd;
  }
}

// What is subtracted before exp: the largest value, or 0 where nothing is finite from below.
float exp_origin(float largest) {
  return largest == -kInfinity ? 0.0f : largest;
}

void softmax(float* row, const float* bias, float scale, int valid, int n) {
  Partial largest = filled(-kInfinity);
  for (int i = 0; i < valid; ++i) {
    row[i] = bias != nullptr ? fma(row[i], scale, bias[i]) : row[i] * scale;
    float& l = largest[static_cast<size_t>(i % kLanes)];
    l = max(row[i], l);
  }
  const float origin = exp_origin(tree_max(largest));
  Partial sum = filled(0.0f);
  for (int i = 0; i < valid; ++i) {
    row[i] = exp_of(row[i] - origin);
    sum[static_cast<size_t>(i % kLanes)] += row[i];
  }
  const float total = tree_sum(sum);
  const float inverse = total == 0.0f ? 0.0f : 1.0f / total;
  for (int i = 0; i < valid; ++i) row[i] *= inverse;
  for (int i = valid; i < n; ++i) row[i] = 0.0f;
}

void sum_exp(const float* x, int n, float* largest, float* sum) {
  Partial top = filled(-kInfinity);
  for (int i = 0; i < n; ++i) {
    float& l = top[static_cast<size_t>(i % kLanes)];
    l = max(x[i], l);
  }
  *largest = tree_max(top);
  const float origin = exp_origin(*largest);
  Partial sums = filled(0.0f);
  for (int i = 0; i < n; ++i) sums[static_cast<size_t>(i % kLanes)] += exp_of(x[i] - origin);
  *sum = tree_sum(sums);
}

int index_of_largest(const float* x, int n) {
  int best = 0;
  for (int i = 1; i < n; ++i)
    if (x[i] > max(x[best], -kInfinity)) best = i;
  return best;
}

int first_above(const float* x, int n, float threshold) {
  return static_cast<int>(std::find_if(x, x + n, [&](float v) { return v > threshold; }) - x);
}

float bound_outputs(const BoundOutputs& b) {
  Partial lower = filled(-kInfinity);
  for (int panel = 0; panel * kLanes < b.n; ++panel) {
    Partial upper = filled(-kInfinity);
    for (int j = panel * kLanes; j < b.n && j < (panel + 1) * kLanes; ++j) {
      const auto lane = static_cast<size_t>(j % kLanes);
      const float y = b.y[j];
      const float of_size = max(y, 0.0f - y) * 0x1p-22f;
      const float margin =
          std::fma(b.x_length, b.w_error[j], std::fma(b.x_error, b.w_length[j], of_size));
      upper[lane] = max(y + margin, upper[lane]);
      lower[lane] = max(y - margin, lower[lane]);
    }
    b.upper[panel] = tree_max(upper);
  }
  return tree_max(lower);
}

float activated(ActivationKind kind, float x) {
  switch (kind) {
    case ActivationKind::relu:
      return activation_of<ActivationKind::relu>(x);
    case ActivationKind::gelu_erf:
      return activation_of<ActivationKind::gelu_erf>(x);
    case ActivationKind::gelu_tanh:
      return activation_of<ActivationKind::gelu_tanh>(x);
    case ActivationKind::silu:
      return activation_of<ActivationKind::silu>(x);
    case ActivationKind::tanh:
      return activation_of<ActivationKind::tanh>(x);
  }
  return x;
}

void activate(ActivationKind kind, const float* x, int64_t n, float* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = activated(kind, x[i]);
}

void activate_gated(ActivationKind kind, const float* gate, const float* up, int64_t n, float* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = activated(kind, gate[i]) * up[i];
}

void add(const float* x, const float* y, int64_t n, float* z) {
  for (int64_t i = 0; i < n; ++i) z[i] = x[i] + y[i];
}

void multiply(const float* x, const float* y, int64_t n, float* z) {
  for (int64_t i = 0; i < n; ++i) z[i] = x[i] * y[i];
}

void scale(const float* x, float factor, int64_t n, float* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] * factor;
}

void scale_add(const float* x, float factor, const float* y, int64_t n, float* z) {
  for (int64_t i = 0; i < n; ++i) z[i] = fma(x[i], factor, y[i]);
}

// Scalar twins of what only training needs.
#include "kernels/reference_training.inl"

int64_t spin_fma(int64_t rounds) {
  volatile float start = 1.0f;
  Partial sum = filled(start);
  for (int64_t round = 0; round < rounds; ++round)
    for (float& s : sum) s = fma(s, 0.999f, 0.001f);
  start = tree_sum(sum);
  return rounds * kLanes * 2;
}

int64_t spin_i8(int64_t rounds) {
  volatile int32_t start = 3;
  int32_t sum[kLanes];
  std::fill_n(sum, kLanes, start);
  for (int64_t round = 0; round < rounds; ++round)
    for (int32_t& s : sum) s = (s & 0xFF) * 5 + 1;
  for (const int32_t s : sum) start = start ^ s;
  return rounds * kLanes * 2;
}

float read_all(const float* x, size_t n) {
  Partial largest = filled(0.0f);
  for (size_t i = 0; i < n; ++i) largest[i % kLanes] = max(x[i], largest[i % kLanes]);
  return tree_max(largest);
}

}  // namespace

const KernelTable& reference_kernels() {
  static constexpr KernelTable table{
      .name = "reference",
      .gemm_f32 = gemm_f32,
      .pack_f32 = pack_f32,
      .pack_columns_f32 = pack_columns_f32,
      .gemm_strips_f32 = gemm_strips_f32,
      .pack_strips_f32 = pack_strips_f32,
      .gemm_bf16 = gemm_bf16,
      .gemm_i8 = gemm_i8,
      .gemm_f32_by_i8 = gemm_f32_by_i8,
      .gemm_i4 = gemm_i4,
      .expand_i4 = expand_panel_i4,
      .quantize_row = quantize_row,
      .layer_norm = layer_norm,
      .rms_norm = rms_norm,
      .softmax = softmax,
      .sum_exp = sum_exp,
      .index_of_largest = index_of_largest,
      .first_above = first_above,
      .bound_outputs = bound_outputs,
      .activate = activate,
      .activate_gated = activate_gated,
      .add = add,
      .multiply = multiply,
      .scale = scale,
      .scale_add = scale_add,
      .norm_backward = norm_backward,
      .softmax_backward = softmax_backward,
      .softmax_gradient = softmax_gradient,
      .activate_backward = activate_backward,
      .activate_gated_backward = activate_gated_backward,
      .dropout = dropout,
      .sum = sum_of,
      .sum_squares = sum_squares,
      .add_rows = add_rows,
      .adamw = adamw,
      .move_average = move_average,
      .spin_fma = spin_fma,
      .spin_i8 = spin_i8,
      .read_all = read_all,
  };
  return table;
}

}  // namespace transept
