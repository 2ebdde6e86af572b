#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace transept {

double learning_rate(const TrainConfig& config, int64_t step) {
  const TrainConfig::Optimizer& o = config.optimizer;
  const auto at = static_cast<double>(step);
  const auto warmup = static_cast<double>(o.warmup_steps);
  if (at < warmup) return o.learning_rate * at / warmup;
  if (o.schedule == "constant") return o.learning_rate;
  if (o.schedule == "inverse_sqrt") {
    return o.learning_rate * std::sqrt(std::max(warmup, 1.0) / std::max(at, 1.0));
  }
  const auto end = static_cast<double>(config.length.max_steps);
  const double begin =
      o.decay_steps > 0 ? std::max(warmup, end - static_cast<double>(o.decay_steps)) : warmup;
  const double gone = std::clamp((at - begin) / std::max(end - begin, 1.0), 0.0, 1.0);
  const double left =
      o.schedule == "linear" ? 1 - gone : (1 + std::cos(std::numbers::pi * gone)) / 2;
  return o.learning_rate * (o.final_ratio + (1 - o.final_ratio) * left);
}

}  // namespace transept
