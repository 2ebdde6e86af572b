// The guard looks at every step before it counts: a loss or gradient that is not finite, or a
// gradient many times larger than usual, is not applied. After several such steps in a row the
// weights go back to the last checkpoint, and training goes on with the data that follows.
#pragma once

#include <string>

#include "train/config.h"
#include "train/state.h"

namespace transept {

class Guard {
 public:
  Guard(const TrainConfig::Guard& settings, TrainState& state)
      : settings_(settings), state_(state) {}

  // Why this step must be skipped; empty if it is fine.
  [[nodiscard]] std::string judge(double loss, double gradient_norm);
  // After a step was skipped.
  [[nodiscard]] bool wants_rollback() const {
    return settings_.rollback_after > 0 && state_.bad_in_a_row >= settings_.rollback_after;
  }

 private:
  TrainConfig::Guard settings_;
  TrainState& state_;
};

}  // namespace transept
