// Products on all threads: the one of linear, and those of the backward, whose right operand is not
// a packed weight. The order of a sum depends on the inner dimension alone, never on threads.
#pragma once

#include "ops/context.h"
#include "tensor/weight.h"

namespace transept {

// y[m, n] = a[m, k] Wᵀ (+ bias) with the packed W[n, k]: what linear computes.
void multiply_packed(Context& c, ConstTensor a, const Weight& weight, const Weight& bias, Tensor y);

// y[m, n] = a[m, k] b[k, n], or += where `accumulate`.
void multiply(Context& c, ConstTensor a, ConstTensor b, Tensor y, bool accumulate);

// y[m, n] += aᵀ b for a[k, m], b[k, n].
void multiply_transposed(Context& c, ConstTensor a, ConstTensor b, Tensor y);

// y[n] += the sum of the rows of a[m, n].
void add_column_sums(Context& c, ConstTensor a, float* y);

// The gradients of y = x Wᵀ + b, given dy: adds to weight.grad and bias.grad where there are any,
// and to dx, which is written instead if `fresh`; dx.data may be null.
void linear_backward(Context& c, const Weight& weight, const Weight& bias, ConstTensor x,
                     ConstTensor dy, Tensor dx, bool fresh);

}  // namespace transept
