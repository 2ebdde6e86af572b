// The products of training in bf16 (kernels/pairs.h): the operands are rounded, the sums are f32.
#pragma once

#include "kernels/pairs.h"
#include "ops/context.h"

namespace transept {

// One operand of a product, in the arena.
struct PairOperand {
  const uint16_t* blocks;
  int count;  // rows or outputs
  int k;
};

// `pack` is left_rows or right_rows, or of a source [k, count] left_columns or right_columns.
[[nodiscard]] PairOperand pack_rows(Context& c, PackPairs pack, ConstTensor source);
[[nodiscard]] PairOperand pack_columns(Context& c, PackPairs pack, ConstTensor source);

// y[left.count, right.count] = left · rightᵀ (+ bias), or += where `accumulate`.
void multiply_pairs(Context& c, const PairOperand& left, const PairOperand& right,
                    const float* bias, bool accumulate, Tensor y);

}  // namespace transept
