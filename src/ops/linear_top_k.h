// The largest outputs of a product and the logarithm of their softmax, without all outputs: they
// are made piece by piece, and looked at while a core's cache has them.
#pragma once

#include <span>
#include <vector>

#include "ops/argmax.h"
#include "ops/context.h"
#include "ops/softmax.h"
#include "tensor/weight.h"

namespace transept {

struct TopOutputs {
  std::vector<Scored> best;
  LogNorm norm;  // of all outputs
};

// Of every row r of x [rows, in]: the k[r] largest outputs, as top_k(linear(…)) finds them when
// those in `banned` (sorted) are -infinity, and log_norm(linear(…)). `bias` may be empty.
[[nodiscard]] std::vector<TopOutputs> linear_top_k(Context& c, const Weight& weight,
                                                   const Weight& bias, ConstTensor x,
                                                   std::span<const int> k,
                                                   std::span<const Banned> banned = {});

}  // namespace transept
