// Binding: every weight that the config calls for gets the values that a checkpoint holds for it.
#pragma once

#include <vector>

#include "base/parallel.h"
#include "io/import/import.h"
#include "io/tensor_set.h"
#include "model/weights.h"

namespace transept {

// Error bad_data naming the first tensor that is missing, too much, of the wrong shape, not finite
// or different from another that it must equal.
void bind_weights(Transformer& model, const Names& names, const TensorSet& tensors,
                  ThreadPool& pool);

// The shape of the whole tensor that a source stands in, for one of our [rows, cols].
[[nodiscard]] std::vector<int64_t> foreign_shape(const Source& source, Role role, int rows,
                                                 int cols);

}  // namespace transept
