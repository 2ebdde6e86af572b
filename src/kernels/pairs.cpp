// The scalar twin of the products of bf16 pairs.
#include "kernels/pairs.h"

#include <algorithm>
#include <cmath>

#include "base/half.h"

namespace transept {
namespace {

// Where value (index, k) of an operand is: as rows of 32, or as 16 outputs by pairs.
template <bool kRight>
size_t place(int index, int i, int k) {
  const auto group = static_cast<size_t>(index / kLanes);
  const auto lane = static_cast<size_t>(index % kLanes);
  const auto in_block = static_cast<size_t>(i % kPairBlock);
  const size_t block =
      group * static_cast<size_t>(pair_blocks(k)) + static_cast<size_t>(i / kPairBlock);
  const size_t inner =
      kRight ? (in_block / 2 * kLanes + lane) * 2 + in_block % 2 : lane * kPairBlock + in_block;
  return block * kPairValues + inner;
}

template <bool kRight, bool kColumns>
void pack(const float* source, size_t ld, int count, int k, uint16_t* blocks, int begin, int end) {
  const int index_begin = kColumns ? 0 : begin * kLanes;
  const int index_end = (kColumns ? panels_for(count) : end) * kLanes;
  const int i_begin = kColumns ? begin * kPairBlock : 0;
  const int i_end = (kColumns ? end : pair_blocks(k)) * kPairBlock;
  for (int index = index_begin; index < index_end; ++index) {
    for (int i = i_begin; i < i_end; ++i) {
      const auto row = static_cast<size_t>(kColumns ? i : index);
      const auto column = static_cast<size_t>(kColumns ? index : i);
      const float value = index < count && i < k ? source[row * ld + column] : 0.0f;
      blocks[place<kRight>(index, i, k)] = to_bfloat16(value);
    }
  }
}

void gemm(const GemmPairs& g, int strip_begin, int strip_end, int panel_begin, int panel_end) {
  for (int r = strip_begin * kLanes; r < std::min(g.m, strip_end * kLanes); ++r) {
    for (int j = panel_begin * kLanes; j < std::min(g.n, panel_end * kLanes); ++j) {
      float& y = g.y[static_cast<size_t>(r) * g.ldy + static_cast<size_t>(j)];
      float sum = g.accumulate ? y : g.bias != nullptr ? g.bias[j] : 0.0f;
      for (int i = 0; i < g.k; ++i) {
        sum = std::fma(from_bfloat16(g.left[place<false>(r, i, g.k)]),
                       from_bfloat16(g.right[place<true>(j, i, g.k)]), sum);
      }
      y = sum;
    }
  }
}

}  // namespace

const PairKernels& reference_pairs() {
  static constexpr PairKernels kernels{.left_rows = pack<false, false>,
                                       .left_columns = pack<false, true>,
                                       .right_rows = pack<true, false>,
                                       .right_columns = pack<true, true>,
                                       .gemm = gemm,
                                       .spin = nullptr};
  return kernels;
}

}  // namespace transept
