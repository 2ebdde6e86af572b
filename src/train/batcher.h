// Batches of one epoch: examples in an order drawn from (seed, epoch), cut by token budget. No
// padding, so an example costs what it is long; sorting by length only evens out attention.
// Examples with the same input stand together, so that it is encoded once for all that is asked
// about it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "train/config.h"
#include "train/dataset.h"

namespace transept {

using BatchIndices = std::vector<uint32_t>;  // of examples

// "length": equal lengths in random order, sorted, cut, and the batches shuffled.
// "random": cut as drawn.
[[nodiscard]] std::vector<BatchIndices> make_batches(std::span<const Example> examples,
                                                     const TrainConfig::Batches& options,
                                                     uint64_t seed, int64_t epoch);

// In the order of the data, for validation.
[[nodiscard]] std::vector<BatchIndices> cut_in_order(std::span<const Example> examples,
                                                     const TrainConfig::Batches& options);

}  // namespace transept
