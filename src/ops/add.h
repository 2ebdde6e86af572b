// Residual sum, and multiplication by a number.
#pragma once

#include "ops/context.h"

namespace transept {

// x + y. In place on x, whose old value is lost; while recording in place on y instead, whose
// producer (a linear, dropout) does not need it for its backward.
[[nodiscard]] Tensor add(Context& c, Tensor x, Tensor y);

// x * factor
[[nodiscard]] Tensor scaled(Context& c, ConstTensor x, float factor);

}  // namespace transept
