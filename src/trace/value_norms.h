// How much a source row can say through a head: |W_o v|, the length of what it adds to the
// decoder's row if that head looks at nothing else. Attention times this is the weight of what is
// said, not only of what is looked at (Kobayashi et al. 2020, "Attention is not only a weight",
// equation 3).
#pragma once

#include <vector>

#include "model/memory.h"
#include "model/weights.h"
#include "ops/context.h"

namespace transept {

// [decoder layers, heads, rows of the memory]. Output biases are no row's and left out.
[[nodiscard]] std::vector<float> cross_value_norms(Context& c, const Transformer& model,
                                                   const Memory& memory);

}  // namespace transept
