// Activations, optionally gated: act(up) or act(gate) * up (Shazeer 2020, "GLU variants").
#pragma once

#include "ops/context.h"

namespace transept {

// In place on `up`.
void activate(Context& c, ActivationKind kind, Tensor up);
// up = act(gate) * up
void activate_gated(Context& c, ActivationKind kind, ConstTensor gate, Tensor up);

}  // namespace transept
