#include "train/optimizer.h"

#include <algorithm>
#include <cmath>

#include "ops/optimize.h"

namespace transept {

Optimizer::Optimizer(Parameters& parameters, const TrainConfig& config)
    : parameters_(parameters),
      config_(config),
      mean_(parameters.values().size_bytes()),
      square_(parameters.values().size_bytes()) {
  if (!has_ema()) return;
  ema_ = Buffer(parameters.values().size_bytes());
  std::ranges::copy(parameters.values(), ema().begin());
}

double Optimizer::gradient_norm(ThreadPool& pool, const KernelTable& kernels) {
  double sum = 0;
  for (const auto& [begin, end] : parameters_.trained())
    sum += sum_squares(pool, kernels, parameters_.gradients().subspan(begin, end - begin));
  return std::sqrt(sum);
}

void Optimizer::update(ThreadPool& pool, const KernelTable& kernels, double learning_rate,
                       double scale) {
  const TrainConfig::Optimizer& o = config_.optimizer;
  ++counts.updates;
  bool encoder_moves = false;
  for (const Parameter& p : parameters_.list())
    encoder_moves = encoder_moves || (p.trained && p.weight->serves_encoder());
  if (encoder_moves) ++counts.encoder_updates;
  for (const Parameter& p : parameters_.list()) {
    if (!p.trained) continue;
    const auto t =
        static_cast<double>(p.weight->serves_encoder() ? counts.encoder_updates : counts.updates);
    const double decay = p.role == Role::vector ? 0 : learning_rate * o.weight_decay;
    const AdamWStep step{
        .gradient_scale = static_cast<float>(scale),
        .beta1 = static_cast<float>(o.beta1),
        .beta2 = static_cast<float>(o.beta2),
        .eps = static_cast<float>(o.epsilon),
        .keep = static_cast<float>(1 - decay),
        .rate = static_cast<float>(learning_rate / (1 - std::pow(o.beta1, t))),
        .square_scale = static_cast<float>(1 / std::sqrt(1 - std::pow(o.beta2, t))),
    };
    const auto piece = [&](std::span<float> all) { return all.subspan(p.begin, p.size()); };
    adamw(pool, kernels, step, piece(parameters_.gradients()), piece(parameters_.values()),
          piece(mean()), piece(square()));
  }
  if (!has_ema()) return;
  // Early on a plain mean over what there is, so that the first weights do not linger.
  const auto n = static_cast<double>(counts.updates);
  const double decay = std::min(config_.average.ema, (1 + n) / (10 + n));
  move_average(pool, kernels, static_cast<float>(1 - decay), parameters_.values(), ema());
}

void Optimizer::swap_ema() {
  if (has_ema()) std::ranges::swap_ranges(parameters_.values(), ema());
}

}  // namespace transept
