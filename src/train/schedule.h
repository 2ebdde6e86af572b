// The learning rate of a step: linear warm-up, then one of four ways down.
//   inverse_sqrt  rate * sqrt(warmup / step)                        (Vaswani et al. 2017, eq. 3)
//   linear        straight from rate to rate * final_ratio at max_steps
//   cosine        half a cosine between the same two                (Loshchilov & Hutter 2017)
//   constant      rate
// With decay_steps, linear and cosine stay at rate until so many steps are left (Zhai et al. 2022,
// section 3.5): weights from before can go on for longer than was planned.
#pragma once

#include "train/config.h"

namespace transept {

// `step` counts from 1.
[[nodiscard]] double learning_rate(const TrainConfig& config, int64_t step);

}  // namespace transept
