// The learning rate of a step: linear warm-up, then one of four ways down.
//   inverse_sqrt  rate * sqrt(warmup / step)                        (Vaswani et al. 2017, eq. 3)
//   linear        straight from rate to rate * final_ratio at max_steps
//   cosine        half a cosine between the same two                (Loshchilov & Hutter 2017)
//   constant      rate
#pragma once

#include "train/config.h"

namespace transept {

// `step` counts from 1.
[[nodiscard]] double learning_rate(const TrainConfig& config, int64_t step);

}  // namespace transept
