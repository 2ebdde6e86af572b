#include "model/output_subset.h"

#include <algorithm>

#include "model/weights.h"
#include "ops/linear.h"

namespace transept {
namespace {

Weight take_bias(const Weight& bias, std::span<const Token> tokens) {
  if (bias.empty()) return {};
  auto values = std::make_shared<std::vector<float>>();
  for (const Token token : tokens) values->push_back(bias.f32()[token]);
  Weight taken;
  taken.name = bias.name;
  taken.rows = 1;
  taken.cols = static_cast<int>(tokens.size());
  taken.values = values->data();
  taken.owner = std::move(values);
  return taken;
}

}  // namespace

std::optional<int32_t> OutputSubset::find(Token token) const {
  const auto found = std::ranges::lower_bound(tokens, token);
  if (found == tokens.end() || *found != token) return std::nullopt;
  return static_cast<int32_t>(found - tokens.begin());
}

std::shared_ptr<const OutputSubset> SubsetMaker::get(ThreadPool& pool, const Head& head,
                                                     std::span<const Token> tokens) {
  dcheck(std::ranges::is_sorted(tokens));
  const std::lock_guard lock(mutex_);
  std::erase_if(in_use_, [](const auto& subset) { return subset.expired(); });
  for (const auto& known : in_use_) {
    auto subset = known.lock();
    if (subset && std::ranges::equal(subset->tokens, tokens)) return subset;
  }
  auto subset = std::make_shared<OutputSubset>();
  subset->tokens.assign(tokens.begin(), tokens.end());
  subset->weight = take_outputs(*head.output, tokens, pool);
  subset->bias = take_bias(head.bias, tokens);
  in_use_.push_back(subset);
  newest_ = subset;
  return subset;
}

}  // namespace transept
