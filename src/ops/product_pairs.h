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

// An operand of rows[count, k], or of columns[k, count].
[[nodiscard]] PairOperand pack_pairs(Context& c, PackPairs pack, ConstTensor source, int count,
                                     int k);

// y[left.count, right.count] = left · rightᵀ (+ bias), or += where `accumulate`.
void multiply_pairs(Context& c, const PairOperand& left, const PairOperand& right,
                    const float* bias, bool accumulate, Tensor y);

}  // namespace transept
