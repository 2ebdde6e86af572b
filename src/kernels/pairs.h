// Products of bf16 by bf16 with sums in f32: what training multiplies with on CPUs that have an
// instruction for it. The instructions take two neighbours of the inner dimension at a time.
//
// Both operands are made from f32, rounded to the nearest, in blocks of 1 KiB: 16 rows (or outputs)
// by 32 of the inner dimension, padded with zeros.
//   left    [m / 16][k / 32][16 rows][32 of k]
//   right   [n / 16][k / 32][16 pairs of k][16 outputs][2]
//
// An output is summed over k in an order that depends on k alone; how its pairs are added is the
// instruction's own, so other instruction sets may give other bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.h"

namespace transept {

inline constexpr int kPairBlock = 32;                               // of the inner dimension
inline constexpr size_t kPairValues = size_t{kLanes} * kPairBlock;  // of a block

[[nodiscard]] constexpr int pair_blocks(int k) {
  return (k + kPairBlock - 1) / kPairBlock;
}
// Values of an operand of so many rows or outputs.
[[nodiscard]] constexpr size_t pair_values(int count, int k) {
  return static_cast<size_t>(panels_for(count)) * static_cast<size_t>(pair_blocks(k)) * kPairValues;
}

struct GemmPairs {
  const uint16_t* left;   // of m rows
  const uint16_t* right;  // of n outputs
  float* y;               // [m, n], row stride ldy
  size_t ldy;
  int m, n, k;
  const float* bias;        // [n] or null
  bool accumulate = false;  // y += the sum, instead of y = the sum
};

// Parts [begin, end) of an operand of `count` rows (or outputs): each is made of neighbouring rows
// of the source, whose row stride is ld.
//   rows:    of source[count, k], 16 at a time
//   columns: of source[k, count], 32 at a time
using PackPairs = void (*)(const float* source, size_t ld, int count, int k, uint16_t* blocks,
                           int begin, int end);

struct PairKernels {
  PackPairs left_rows;
  PackPairs left_columns;
  PackPairs right_rows;
  PackPairs right_columns;
  // Strips [strip_begin, strip_end) of 16 rows, panels [panel_begin, panel_end) of 16 outputs.
  void (*gemm)(const GemmPairs& g, int strip_begin, int strip_end, int panel_begin, int panel_end);
  // Multiply-adds on registers alone; returns how many floating-point operations that was.
  int64_t (*spin)(int64_t rounds);
};

// The scalar twin: one fused multiply-add after the other. No table offers it.
[[nodiscard]] const PairKernels& reference_pairs();

}  // namespace transept
