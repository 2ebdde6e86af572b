// AdamW (Loshchilov & Hutter 2019) over all parameters, clipping by the norm of the whole gradient
// (Pascanu et al. 2013), and the exponential moving average of the parameters. Decay does not touch
// norms and biases.
#pragma once

#include "base/parallel.h"
#include "model/parameters.h"
#include "train/config.h"

namespace transept {

class Optimizer {
 public:
  // Both must outlive this.
  Optimizer(Parameters& parameters, const TrainConfig& config);

  // Of what is trained; not finite if an element of the gradient is not.
  [[nodiscard]] double gradient_norm(ThreadPool& pool, const KernelTable& kernels);
  // One update with gradients * scale.
  void update(ThreadPool& pool, const KernelTable& kernels, double learning_rate, double scale);

  [[nodiscard]] bool has_ema() const { return config_.average.ema > 0; }
  // Swaps parameters and average, for validating and saving the latter.
  void swap_ema();

  // What a checkpoint holds of it.
  [[nodiscard]] std::span<float> mean() { return {mean_.as<float>(), parameters_.values().size()}; }
  [[nodiscard]] std::span<float> square() {
    return {square_.as<float>(), parameters_.values().size()};
  }
  [[nodiscard]] std::span<float> ema() {
    return {ema_.as<float>(), has_ema() ? parameters_.values().size() : 0};
  }
  struct Counts {
    int64_t updates = 0;
    int64_t encoder_updates = 0;  // fewer, where it was frozen at first
  };
  Counts counts;

 private:
  Parameters& parameters_;
  const TrainConfig& config_;
  Buffer mean_, square_, ema_;
};

}  // namespace transept
