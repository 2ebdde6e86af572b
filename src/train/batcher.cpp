#include "train/batcher.h"

#include <algorithm>
#include <numeric>

#include "base/rng.h"
#include "train/streams.h"

namespace transept {
namespace {

constexpr size_t kMostOfAnInput = 8;  // so that none takes a batch over

int64_t target_rows(std::span<const Example> examples, const BatchIndices& group) {
  int64_t rows = 0;
  for (const uint32_t index : group) rows += examples[index].rows();
  return rows;
}

// Examples with the same input, few enough for a batch, in the order of the data.
std::vector<BatchIndices> group_by_input(std::span<const Example> examples, int64_t most_rows) {
  std::vector<uint32_t> order(examples.size());
  std::iota(order.begin(), order.end(), 0u);
  const auto input = [&](uint32_t index) -> const std::vector<Token>& {
    return examples[index].source;
  };
  std::ranges::stable_sort(order, std::ranges::less{}, input);
  std::vector<BatchIndices> groups;
  for (const uint32_t index : order) {
    const bool joins = !groups.empty() && !input(index).empty() &&
                       groups.back().size() < kMostOfAnInput &&
                       input(groups.back().front()) == input(index) &&
                       target_rows(examples, groups.back()) + examples[index].rows() <= most_rows;
    if (!joins) groups.emplace_back();
    groups.back().push_back(index);
  }
  std::ranges::sort(groups, std::ranges::less{},
                    [](const BatchIndices& group) { return group[0]; });
  return groups;
}

std::vector<BatchIndices> cut(std::span<const Example> examples,
                              std::span<const BatchIndices> groups,
                              const TrainConfig::Batches& options) {
  std::vector<BatchIndices> batches;
  int64_t targets = 0;
  int64_t sources = 0;
  for (const BatchIndices& group : groups) {
    const int64_t target = target_rows(examples, group);
    const auto source = static_cast<int64_t>(examples[group.front()].source.size());
    const bool full = targets + target > options.tokens || sources + source > options.source_tokens;
    if (batches.empty() || full) {
      batches.emplace_back();
      targets = 0;
      sources = 0;
    }
    batches.back().insert(batches.back().end(), group.begin(), group.end());
    targets += target;
    sources += source;
  }
  return batches;
}

// A permutation of 0 … n - 1 that depends on (seed, stream) alone.
std::vector<uint32_t> permutation(size_t n, uint64_t seed, uint64_t stream) {
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  for (size_t i = n; i > 1; --i) {  // Fisher & Yates
    const double draw = random_uniform(seed, stream, i);
    std::swap(order[i - 1], order[static_cast<size_t>(draw * static_cast<double>(i))]);
  }
  return order;
}

}  // namespace

std::vector<BatchIndices> make_batches(std::span<const Example> examples,
                                       const TrainConfig::Batches& options, uint64_t seed,
                                       int64_t epoch) {
  const std::vector<BatchIndices> groups = group_by_input(examples, options.tokens);
  std::vector<BatchIndices> drawn;
  drawn.reserve(groups.size());
  for (const uint32_t i : permutation(groups.size(), seed, stream_of(Stream::examples, epoch)))
    drawn.push_back(groups[i]);
  if (options.order == "random") return cut(examples, drawn, options);
  const auto length = [&](const BatchIndices& group) {
    return std::pair(target_rows(examples, group), examples[group.front()].source.size());
  };
  std::ranges::stable_sort(drawn, std::ranges::less{}, length);
  std::vector<BatchIndices> sorted = cut(examples, drawn, options);
  std::vector<BatchIndices> batches;
  batches.reserve(sorted.size());
  for (const uint32_t i : permutation(sorted.size(), seed, stream_of(Stream::batches, epoch)))
    batches.push_back(std::move(sorted[i]));
  return batches;
}

std::vector<BatchIndices> cut_in_order(std::span<const Example> examples,
                                       const TrainConfig::Batches& options) {
  std::vector<BatchIndices> order;
  for (uint32_t index = 0; index < examples.size(); ++index) order.push_back({index});
  return cut(examples, order, options);
}

}  // namespace transept
