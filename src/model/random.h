// Models of random weights: for measuring speed, which does not depend on what a model has learnt.
#pragma once

#include "model/weights.h"

namespace transept {

// Every parameter that the config calls for, uniform and small, the same each time; packed and
// ready, matrices of products in the form that is asked for.
[[nodiscard]] Transformer random_model(const Config& config, ThreadPool& pool,
                                       const KernelTable& kernels, Storage storage = Storage::f32);

// n ids that differ, from the `first` of them on; 0 … 2 are marks in most vocabularies.
[[nodiscard]] std::vector<Token> varied_tokens(int n, int vocab, int first = 0);

[[nodiscard]] size_t count_parameters(const Transformer& model);

}  // namespace transept
