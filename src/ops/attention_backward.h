// The backward of attention over rows, with P the probabilities and D their dropout:
//   dV = D(P)ᵀ dY;  dP = D(dY Vᵀ);  dS = P ∘ (dP - rowsum(dP ∘ P));
//   dQ = scale dS K;  dK = scale dSᵀ Q;  dbias[key - query] += dS.
#pragma once

#include <span>

#include "ops/attention.h"
#include "ops/dropout.h"

namespace transept {

// Adds to the tape's gradients of q, k, v and of the bias values, given that of y.
void attention_backward(Context& c, ConstTensor q, ConstTensor k, ConstTensor v, ConstTensor y,
                        std::span<const RowsItem> items, const AttentionOptions& options,
                        const DropoutMask& mask);

}  // namespace transept
