// The output matrix and the loss on it in one, a block of rows at a time, so that the logits of a
// batch (rows x vocabulary, by far its largest tensor) never exist at once:
//   loss = -sum_r weight_r ((1 - e) log p_r(label_r) + e / V sum_j log p_r(j)),  p_r = softmax(x_r
//   Wᵀ + b)
// with label smoothing e (Szegedy et al. 2016), as PyTorch's CrossEntropyLoss defines it.
//   dlogits_rj = weight_r (p_r(j) - (1 - e) [j = label_r] - e / V)
#pragma once

#include <cstdint>
#include <span>

#include "ops/context.h"
#include "tensor/weight.h"

namespace transept {

struct CrossEntropy {
  std::span<const int32_t> labels;  // one per row of x
  std::span<const float> weights;
  float label_smoothing = 0;
  float gradient_scale = 1;
};

struct CrossEntropySum {
  double loss = 0;
  double log_prob = 0;  // weighted log p(label)
  int64_t correct = 0;  // rows where no logit is larger than the label's
};

// x [rows, in]. With a tape, the gradients of weight and bias are added here and now, and that of x
// is left on the tape.
[[nodiscard]] CrossEntropySum cross_entropy(Context& c, const Weight& weight, const Weight& bias,
                                            ConstTensor x, const CrossEntropy& loss);

}  // namespace transept
