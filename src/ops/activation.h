// Activations, optionally gated: act(up) or act(gate) * up (Shazeer 2020, "GLU variants").
#pragma once

#include "ops/context.h"

namespace transept {

// In place on `up` and returns it; while recording, which needs the old value, in a new tensor.
[[nodiscard]] Tensor activate(Context& c, ActivationKind kind, Tensor up);
// act(gate) * up, likewise.
[[nodiscard]] Tensor activate_gated(Context& c, ActivationKind kind, ConstTensor gate, Tensor up);

}  // namespace transept
