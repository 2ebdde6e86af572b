#include "model/random.h"

#include <algorithm>

namespace transept {

Transformer random_model(const Config& config, ThreadPool& pool, const KernelTable& kernels,
                         Storage storage) {
  Transformer model;
  model.config = config;
  uint32_t stream = 0;
  visit(model, [&](const std::string& name, Weight& weight, int rows, int cols, Role role) {
    weight.name = name;
    if (role == Role::product || role == Role::both) weight.storage = storage;
    weight.rows = rows;
    weight.cols = cols;
    auto values = std::make_shared<Buffer>(weight.size() * sizeof(float));
    weight.values = values->data();
    weight.owner = values;
    auto* out = values->as<float>();
    uint32_t state = ++stream;
    for (size_t i = 0; i < weight.size(); ++i) {
      state = state * 1664525U + 1013904223U;  // Numerical Recipes, 7.1
      out[i] = 0.05F * static_cast<float>(static_cast<int32_t>(state)) * 0x1p-31F;
    }
  });
  finish(model, pool, kernels);
  return model;
}

std::vector<Token> varied_tokens(int n, int vocab, int first) {
  std::vector<Token> tokens(static_cast<size_t>(n));
  for (Token& token : tokens) token = 3 + first++ % std::max(1, vocab - 3);
  return tokens;
}

size_t count_parameters(const Transformer& model) {
  size_t count = 0;
  visit(model, [&](const Weight& weight, Role) { count += weight.size(); });
  return count;
}

}  // namespace transept
