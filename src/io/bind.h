// Binding: every weight that the config calls for gets the values that a checkpoint holds for it.
#pragma once

#include <string>

#include "base/parallel.h"
#include "io/import/import.h"
#include "io/tensor_set.h"
#include "model/weights.h"

namespace transept {

// Error bad_data naming the first tensor that is missing, too much, of the wrong shape, not finite
// or different from another that it must equal.
void bind_weights(Transformer& model, const Names& names, const TensorSet& tensors,
                  ThreadPool& pool);

// `name` as this set of tensors spells it: with or without the prefix of the base model.
[[nodiscard]] std::string local_name(const Names& names, const TensorSet& tensors,
                                     const std::string& name);

}  // namespace transept
