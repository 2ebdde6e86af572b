// Validation: the loss of given outputs, and what the model generates against them.
#pragma once

#include <vector>

#include "eval/metrics.h"
#include "train/dataset.h"
#include "train/model_source.h"

namespace transept {

// Generates for the pairs of `data` and measures by every metric of the settings. Lines with the
// same prompt and input are one line with several references.
[[nodiscard]] std::vector<Figure> measure_generation(const TrainedModel& trained,
                                                     const Dataset& data,
                                                     const TrainConfig::Validation& settings,
                                                     ThreadPool& pool, const KernelTable& kernels);

}  // namespace transept
