// Tensors of a checkpoint that are no weights: positions, masks, counters that a framework stores
// because it can, and that say nothing which is not computed here anyway.
#pragma once

#include <string_view>

#include "io/tensor_set.h"

namespace transept {

// Whether a tensor that no parameter of the model is read from may be left out: known by the end of
// its name, and of a type, shape and contents that no weight has. All else is an error. Contents
// are read only of a tensor whose name, type and shape fit.
[[nodiscard]] bool is_harmless_buffer(std::string_view name, const TensorSet::Entry& entry);

}  // namespace transept
