// Products on all threads: the one of linear, and those of the backward, whose right operand is not
// a packed weight. The order of a sum depends on the inner dimension alone, never on threads.
#pragma once

#include <functional>
#include <span>

#include "ops/context.h"
#include "tensor/weight.h"

namespace transept {

// What linear multiplies by: a packed W [n, k] and a bias, which may be empty.
struct Factor {
  const Weight* weight;
  const Weight* bias;

  [[nodiscard]] const float* shift() const { return bias->empty() ? nullptr : bias->f32(); }
};

// y[i][m, n] = a[m, k] W[i]ᵀ (+ bias[i]): what linear computes. The rows are read, and where a W is
// int8 or int4 quantised, once for all.
void multiply_packed(Context& c, ConstTensor a, std::span<const Factor> by,
                     std::span<const Tensor> y);

// Outputs [first, first + n) of all rows, at the front of the rows of y, which hold no others.
struct Piece {
  int thread;
  int index;
  int first;
  int n;
  Tensor y;
};

// The same product piece by piece, each of so many panels, never as a whole: calls f once for every
// piece, on any thread; a thread's pieces come in ascending order.
void multiply_in_pieces(Context& c, ConstTensor a, const Factor& by, int panels,
                        const std::function<void(const Piece&)>& f);

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
