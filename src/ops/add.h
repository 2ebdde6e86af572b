// Residual sum.
#pragma once

#include "ops/context.h"

namespace transept {

// x += y
void add_to(Context& c, Tensor x, ConstTensor y);

}  // namespace transept
