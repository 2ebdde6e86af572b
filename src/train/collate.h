// Examples of a dataset -> what teacher forcing reads. Ragged: rows one after another, no padding;
// an input that neighbours share stands there once.
#pragma once

#include "model/teacher_forcing.h"
#include "train/batcher.h"

namespace transept {

// `first`: how many examples of the step came in batches before this one, for dropout.
[[nodiscard]] Examples collate(std::span<const Example> examples, const BatchIndices& batch,
                               double prompt_weight, size_t first = 0);

// The sum of the weights of all labels of a batch.
[[nodiscard]] double label_weight(std::span<const Example> examples, const BatchIndices& batch,
                                  double prompt_weight);

}  // namespace transept
