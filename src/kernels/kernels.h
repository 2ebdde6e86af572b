// The kernel table: everything that depends on the instruction set. Plain pointers and sizes,
// single-threaded, pure.
//
// Two laws hold for every entry of every table:
// - each output element is computed in an order that depends on the inner dimension alone, so the
//   result of a row does not depend on how many other rows or columns are computed with it;
// - every instruction set gives the same bits (a NaN may carry another payload): sums over a row
//   are 16 partial sums, one per lane, added by one fixed tree, and exp and its kin are our own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace transept {

// Packed layout, the same on every instruction set. A [N, K] weight matrix (N outputs) becomes
// panels of 16 outputs:
//   packed[panel][k][lane] = W[panel * 16 + lane][k],   lanes beyond N are zero.
// Keys of attention are packed alike (N = keys, K = d_head), values as the transposed problem (N =
// d_head, K = keys).
inline constexpr int kLanes = 16;
[[nodiscard]] constexpr int panels_for(int n) {
  return (n + kLanes - 1) / kLanes;
}

// y[m, n] = sum over k of a[m, k] * W[n, k] (+ bias[n]), for the panels [panel_begin, panel_end).
struct GemmF32 {
  const float* a;  // [m, k], row stride lda
  size_t lda;
  const float* packed;  // first panel
  size_t panel_stride;  // floats from one panel to the next: k * 16 for weights, more where there
                        // is room to grow
  float* y;             // [m, n], row stride ldy
  size_t ldy;
  int m, n, k;
  const float* bias;        // [n] or null; added after the sum
  bool accumulate = false;  // y += the sum, instead of y = the sum
};

// Rows of a left operand that is packed in strips (pack_strips_f32).
inline constexpr int kStripRows = 6;
[[nodiscard]] constexpr int strips_for(int m) {
  return (m + kStripRows - 1) / kStripRows;
}

// The same product with int8 panels (int8.h) and activations from quantize_row: the sum of
// integers is exact, then y = float(sum) * (a_scale[m] * scale[n]) (+ bias[n]).
struct GemmI8 {
  const uint8_t* a;  // [m, k] around 128, row stride lda, a multiple of 4
  size_t lda;
  const float* a_scale;     // [m]
  const std::byte* packed;  // first panel, aligned to 4
  float* y;                 // [m, n], row stride ldy
  size_t ldy;
  int m, n, k;
  const float* bias;  // [n] or null; added after the scaling
};

// The outputs from that panel on, as a product of their own: of what the caller says in `packed`.
template <class Gemm>
[[nodiscard]] constexpr Gemm outputs_from(Gemm g, int panel) {
  const int first = panel * kLanes;
  g.y += first;
  g.n -= first;
  if (g.bias != nullptr) g.bias += first;
  return g;
}

// Approximate outputs of one row of a product, y[j] off by at most
//   margin[j] = x_length * w_error[j] + x_error * w_length[j] + 2^-22 |y[j]|   (ops/argmax.h)
struct BoundOutputs {
  const float* y;
  const float* w_error;
  const float* w_length;
  float x_length;
  float x_error;
  int n;
  float* upper;  // [panels_for(n)]
};

// Adam with decoupled weight decay:
//   g = gradient * gradient_scale;  mean += (1 - beta1) (g - mean);  square += (1 - beta2) (g^2 -
//   square); parameter = parameter * keep - rate * mean / (sqrt(square) * square_scale + eps).
struct AdamWStep {
  float gradient_scale = 1;  // clipping and accumulation
  float beta1 = 0.9F;
  float beta2 = 0.999F;
  float eps = 1e-8F;
  float keep = 1;          // 1 - learning rate * weight decay
  float rate = 0;          // learning rate / (1 - beta1^t)
  float square_scale = 1;  // 1 / sqrt(1 - beta2^t)
};

// One row of dropout: element j is kept where its 16 bits of Philox4x32-10 (base/rng.h) are >=
// threshold. Its counter is {j / 128 * 16 + j % 16, position, example, place}; its bits are half
// j / 16 % 2 of word j / 32 % 4.
struct DropoutRow {
  uint32_t key[2];
  uint32_t place;
  uint32_t example;
  uint32_t position;
  uint32_t threshold;  // 2^16 * rate
  float scale;         // of what is kept: 1 / (1 - rate)
};

struct PairKernels;  // pairs.h

enum class ActivationKind { relu, gelu_erf, gelu_tanh, silu, tanh };

struct KernelTable {
  const char* name;  // "reference", "avx2", "avx512vnni", …

  // Sums from k = 0 upwards with one fused multiply-add per step.
  void (*gemm_f32)(const GemmF32& g, int panel_begin, int panel_end);
  // source [n, k] with row stride ld -> panels; only rows of panels [panel_begin, panel_end).
  void (*pack_f32)(const float* source, size_t ld, int n, int k, float* packed, int panel_begin,
                   int panel_end);

  // The transposed problem: source [k, n] with row stride ld -> panels of W[n, k] = source[k, n].
  void (*pack_columns_f32)(const float* source, size_t ld, int n, int k, float* packed,
                           int panel_begin, int panel_end);
  // The same sums, with a left operand that is stored by columns: g.a is what pack_strips_f32 made,
  // g.lda is not read.
  void (*gemm_strips_f32)(const GemmF32& g, int panel_begin, int panel_end);
  // source [k, m] with row stride ld -> strips[strip][k][6]; rows beyond m are zero.
  void (*pack_strips_f32)(const float* source, size_t ld, int m, int k, float* strips);
  // The same sums with panels of bf16 weights; g.packed is not read.
  void (*gemm_bf16)(const GemmF32& g, const uint16_t* packed, int panel_begin, int panel_end);
  void (*gemm_i8)(const GemmI8& g, int panel_begin, int panel_end);
  // The sums of gemm_f32 with panels of integers that stand for themselves: rounded keys and
  // values, whose scales the caller applies. g.packed is not read.
  void (*gemm_f32_by_i8)(const GemmF32& g, const int8_t* packed, int panel_begin, int panel_end);
  // The same with panels of int4.h, for at most kInt4MostRows rows.
  void (*gemm_i4)(const GemmI8& g, int panel_begin, int panel_end);
  // A panel of int4 as the one of int8 that it stands for: the way for more rows.
  void (*expand_i4)(const std::byte* panel, int k, std::byte* int8_panel);
  // One row of activations -> bytes around 128, q = 128 + round(x / scale) with the scale that
  // makes the largest 127. Writes whole groups of four (int8_row_bytes), padded with 128. A row
  // with a value that is not finite gets the scale NaN, one that is zero throughout (below 2^-100)
  // gets 0.
  void (*quantize_row)(const float* x, int k, uint8_t* q, float* scale);

  // LayerNorm over one row: y = (x - mean) / sqrt(var + eps) * gain + shift. Writes mean and 1/sqrt
  // to stats if not null. shift may be null.
  void (*layer_norm)(const float* x, const float* gain, const float* shift, float eps, int n,
                     float* y, float* stats);
  // RMSNorm over one row: y = x / sqrt(mean(x^2) + eps) * gain. Writes 0 and 1/sqrt to stats if not
  // null.
  void (*rms_norm)(const float* x, const float* gain, float eps, int n, float* y, float* stats);

  // In place over one row of scores: p[j] = softmax(scale * s[j] + bias[j]) for j < valid, 0 for
  // valid <= j < n. bias may be null. The order of the sum depends on `valid` alone. A score of
  // -inf gets 0, also where all are -inf; NaN and +inf make the row NaN.
  void (*softmax)(float* row, const float* bias, float scale, int valid, int n);
  // The largest of n values, and the sum of exp(x - largest); of exp(x) where all are -inf.
  void (*sum_exp)(const float* x, int n, float* largest, float* sum);

  // The first index of the largest of n > 0 values; NaN counts as minus infinity.
  int (*index_of_largest)(const float* x, int n);
  // The first index of a value above the threshold; n if there is none.
  int (*first_above)(const float* x, int n, float threshold);

  // upper[p] = the largest y + margin of the outputs [16 p, 16 p + 16); returns the largest y -
  // margin. NaN (an infinity less another) counts as minus infinity.
  float (*bound_outputs)(const BoundOutputs& b);

  // Element-wise, n elements. y may be x.
  void (*activate)(ActivationKind kind, const float* x, int64_t n, float* y);
  void (*activate_gated)(ActivationKind kind, const float* gate, const float* up, int64_t n,
                         float* y);  // act(gate) * up
  void (*add)(const float* x, const float* y, int64_t n, float* z);
  void (*multiply)(const float* x, const float* y, int64_t n, float* z);
  void (*scale)(const float* x, float factor, int64_t n, float* y);
  void (*scale_add)(const float* x, float factor, const float* y, int64_t n,
                    float* z);  // factor * x + y, rounded once

  // The backward of the above, for training. dx, dgain, … are gradients.
  // One row of LayerNorm (centred) or RMSNorm, from its stats: dx += …; dgain += dy * normal;
  // dshift += dy. dgain and dshift may be null.
  void (*norm_backward)(const float* x, const float* gain, const float* dy, const float* stats,
                        bool centred, int n, float* dx, float* dgain, float* dshift);
  // One row: dp[j] = p[j] * (dp[j] - sum(p dp)), in place.
  void (*softmax_backward)(const float* p, int n, float* dp);
  // x[j] = factor * (exp(x[j] - largest - log_sum) - offset): from logits to the gradient of a
  // cross-entropy, in place, but for the label's own term.
  void (*softmax_gradient)(float largest, float log_sum, float factor, float offset, int n,
                           float* x);
  // dx = act'(x) * dy; dx may be dy.
  void (*activate_backward)(ActivationKind kind, const float* x, const float* dy, int64_t n,
                            float* dx);
  // dgate = act'(gate) * up * dy; dup = act(gate) * dy. Either may be dy.
  void (*activate_gated_backward)(ActivationKind kind, const float* gate, const float* up,
                                  const float* dy, int64_t n, float* dgate, float* dup);
  // y[j] = x[j] * (kept ? scale : 0) for one row; y may be x.
  void (*dropout)(const DropoutRow& row, const float* x, int n, float* y);
  float (*sum)(const float* x, int64_t n);
  float (*sum_squares)(const float* x, int64_t n);
  // y[j] += x[0][j], then x[1][j], …: rows of stride ld.
  void (*add_rows)(const float* x, size_t ld, int rows, int n, float* y);
  void (*adamw)(const AdamWStep& step, const float* gradient, int64_t n, float* parameter,
                float* mean, float* square);
  // average += rate * (x - average)
  void (*move_average)(float rate, const float* x, int64_t n, float* average);

  // For measuring the machine (machine.h). Multiply-adds on registers alone; returns how many
  // floating-point operations that was.
  int64_t (*spin_fma)(int64_t rounds);
  // The same with the instructions of gemm_i8.
  int64_t (*spin_i8)(int64_t rounds);
  // Reads the blocks of 64 floats in x[0, n); the result only keeps the compiler from leaving it.
  float (*read_all)(const float* x, size_t n);

  // Products of bf16 by bf16, for training; null where the CPU has no instruction for them.
  const PairKernels* pairs = nullptr;
};

// The scalar table: the oracle of every test and the fallback of every machine.
[[nodiscard]] const KernelTable& reference_kernels();

// The tables this machine can run, slowest first. Always begins with "reference".
[[nodiscard]] const std::vector<const KernelTable*>& available_kernels();

// The best table, or the one named by the environment variable TRANSEPT_ISA. An unknown or
// unsupported name is an Error that lists the valid ones. Decided once.
[[nodiscard]] const KernelTable& chosen_kernels();
[[nodiscard]] const KernelTable& kernels_by_name(const std::string& name);

// The instruction sets this build knows and whether the machine has them, one per line: for
// `transept bench --list-isa`.
[[nodiscard]] std::string describe_kernels();

}  // namespace transept
