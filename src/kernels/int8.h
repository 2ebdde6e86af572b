// The int8 form of a weight matrix: quantised panels, made once per matrix and the same for every
// instruction set.
//
// A row of weights is w = scale * q with integers q in [-127, 127]; the activations of a row are
// unsigned bytes around 128 (KernelTable::quantize_row). Where AVX2 multiplies, two neighbouring
// products meet in 16 bits: 255 * |q0 + q1| must stay below 2^15. So the scale is chosen such that
// neighbours (2j, 2j + 1) of one sign add up to at most 128, and every instruction set computes the
// same exact integers (docs/adr/0013).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/kernels.h"

namespace transept {

// A panel of 16 outputs: 16 scales (f32), 16 corrections (int32), then
//   weights[k / 4][lane][k % 4]   int8, zero beyond n and k.
inline constexpr size_t kInt8Header = size_t{2} * kLanes * sizeof(float);
inline constexpr int kZeroPoint = 128;  // of the activations
// Sums of so many products stay within 32 bits.
inline constexpr int kInt8MostColumns = 65536;
// The largest sum of two neighbours of one sign, as an integer.
inline constexpr int kInt8PairLimit = 128;

// Bytes of the quantised activations of k columns: whole groups of four.
[[nodiscard]] constexpr size_t int8_row_bytes(int k) {
  return (static_cast<size_t>(k) + 3) / 4 * 4;
}
[[nodiscard]] constexpr size_t int8_panel_bytes(int k) {
  return kInt8Header + int8_row_bytes(k) * kLanes;
}

// Rows [0, n) of `source` (n <= 16, k columns, row stride ld) as [k][16], zero from lane n on.
[[nodiscard]] std::vector<float> to_lanes(const float* source, size_t ld, int n, int k);

// The scale of every lane: that with which neighbours fit. NaN where a weight is not finite.
void find_scales_i8(const float* lanes, int k, float (&scale)[kLanes]);

// Rows [0, n) of `source` (n <= 16, k columns, row stride ld) -> one panel. A row with a value that
// is not finite gets the scale NaN.
void pack_panel_i8(const float* source, size_t ld, int n, int k, std::byte* panel);

// The same of weights [k][16] whose lanes from n on are zero, as a panel of f32 holds them.
void pack_lanes_i8(const float* lanes, int k, std::byte* panel);

// Row `lane` of a panel, back as f32: k values.
void unpack_row_i8(const std::byte* panel, int lane, int k, float* values);

// Per lane, the sums of the squares of a panel's weights and of what they lack of those the panel
// was made of: `lanes` as for pack_lanes_i8.
struct Squares {
  double kept[kLanes] = {};
  double lost[kLanes] = {};
};
[[nodiscard]] Squares squares_i8(const std::byte* panel, const float* lanes, int k);

// Whether the panel keeps the limit on neighbours, its corrections belong to its weights, its
// scales are finite and not negative and its lanes from n on are empty: for panels of a file.
[[nodiscard]] bool is_valid_panel_i8(const std::byte* panel, int n, int k);

}  // namespace transept
