// Binding: every weight that the config calls for gets the values that a checkpoint holds for it.
#pragma once

#include <functional>
#include <vector>

#include "base/parallel.h"
#include "io/import/import.h"
#include "io/tensor_set.h"
#include "model/weights.h"

namespace transept {

// What reads the values of a weight that has none (WeightSource::load): once, when its turn comes.
// It lives no longer than the arguments do, and the model stays where it is. Error bad_data naming
// the first tensor that is missing, too much, of the wrong shape or different from another that it
// must equal; when reading, one that is not finite.
[[nodiscard]] std::function<void(Weight&)> bind_weights(Transformer& model, const Names& names,
                                                        const TensorSet& tensors, ThreadPool& pool);

// The shape of the whole tensor that a source stands in, for one of our [rows, cols].
[[nodiscard]] std::vector<int64_t> foreign_shape(const Source& source, Role role, int rows,
                                                 int cols);

}  // namespace transept
