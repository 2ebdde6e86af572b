// Linear: y = x Wᵀ + b.
#pragma once

#include "ops/context.h"
#include "tensor/weight.h"

namespace transept {

// x [rows, in] -> [rows, out]. The weight must be packed; `bias` may be empty.
[[nodiscard]] Tensor linear(Context& c, const Weight& weight, const Weight& bias, ConstTensor x);

// Error unsupported, naming the weight, unless it is stored in f32.
void check_trainable(const Weight& weight);

// Fills weight.packed from weight.values (f32, f16 or bf16).
void pack(Weight& weight, ThreadPool& pool, const KernelTable& kernels);

}  // namespace transept
