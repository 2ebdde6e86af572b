// The int4 form of a weight matrix: the int8 form (int8.h) in half the bytes.
//
// A weight is w = scale * f * q: a scale per row, a whole factor f in [1, 18] per block of 32
// columns, q in [-7, 7]. So f * q is a weight of an int8 panel with that scale, and a product with
// int4 panels is by definition the one with the int8 panels that they expand to: the same exact
// integers, whether a kernel expands them or multiplies in 4 bits (docs/adr/0020).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/int8.h"

namespace transept {

// A panel of 16 outputs is lines of 64 bytes: 16 scales (f32); 16 corrections (int32), those of the
// int8 panel; then for each four blocks
//   factors[lane][block], one byte each,
//   weights[pair of groups of four columns][lane][column], 8 + q: the first group's in the low half
//   of a byte, the second's in the high one.
// The last blocks have as many pairs as there are columns.
inline constexpr size_t kLineBytes = 64;
inline constexpr int kInt4Block = 32;
inline constexpr size_t kInt4BlockGroups = kInt4Block / 4;
inline constexpr size_t kInt4BlocksPerLine = 4;  // blocks whose factors share a line
inline constexpr size_t kInt4PartGroups =
    kInt4BlockGroups * kInt4BlocksPerLine;  // of one such line
inline constexpr size_t kInt4PartBytes = (1 + kInt4PartGroups / 2) * kLineBytes;  // and its weights
static_assert(kInt8Header == 2 * kLineBytes);
inline constexpr int kInt4MostFactor = 18;  // 7 * 18 < 128
// As many rows KernelTable::gemm_i4 takes; expanding the panels once is quicker for more.
inline constexpr int kInt4MostRows = 4;

[[nodiscard]] constexpr size_t int4_panel_lines(int k) {
  const size_t groups = int8_row_bytes(k) / 4;
  return 2 + (groups + kInt4PartGroups - 1) / kInt4PartGroups + (groups + 1) / 2;
}
[[nodiscard]] constexpr size_t int4_panel_bytes(int k) {
  return int4_panel_lines(k) * kLineBytes;
}

// Rows [0, n) of `source` (n <= 16, k columns, row stride ld) -> one panel. A row with a value that
// is not finite gets the scale NaN.
void pack_panel_i4(const float* source, size_t ld, int n, int k, std::byte* panel);

// The int8 panel that it stands for: KernelTable::expand_i4 in plain code.
void expand_panel_i4(const std::byte* panel, int k, std::byte* int8_panel);

// Row `lane` of a panel, back as f32: k values.
void unpack_row_i4(const std::byte* panel, int lane, int k, float* values);

// GemmI8 with panels of int4, for any number of rows: few in 4 bits, else some panels at a time are
// expanded and serve all rows.
void multiply_i4(const KernelTable& kernels, const GemmI8& g, int panel_begin, int panel_end);

// Whether factors and weights are in range and the int8 panel is valid: for panels of a file.
[[nodiscard]] bool is_valid_panel_i4(const std::byte* panel, int n, int k);

}  // namespace transept
