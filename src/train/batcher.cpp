#include "train/batcher.h"

#include <algorithm>
#include <numeric>

#include "base/rng.h"
#include "train/streams.h"

namespace transept {
namespace {

std::vector<BatchIndices> cut(std::span<const Example> examples, std::span<const uint32_t> order,
                              const TrainConfig::Batches& options) {
  std::vector<BatchIndices> batches;
  int64_t targets = 0;
  int64_t sources = 0;
  for (const uint32_t index : order) {
    const int64_t target = examples[index].rows();
    const auto source = static_cast<int64_t>(examples[index].source.size());
    const bool full = targets + target > options.tokens || sources + source > options.source_tokens;
    if (batches.empty() || full) {
      batches.emplace_back();
      targets = 0;
      sources = 0;
    }
    batches.back().push_back(index);
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
  std::vector<uint32_t> order =
      permutation(examples.size(), seed, stream_of(Stream::examples, epoch));
  if (options.order == "random") return cut(examples, order, options);
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    const int rows_a = examples[a].rows();
    const int rows_b = examples[b].rows();
    return rows_a != rows_b ? rows_a < rows_b
                            : examples[a].source.size() < examples[b].source.size();
  });
  std::vector<BatchIndices> sorted = cut(examples, order, options);
  std::vector<BatchIndices> batches;
  batches.reserve(sorted.size());
  for (const uint32_t i : permutation(sorted.size(), seed, stream_of(Stream::batches, epoch)))
    batches.push_back(std::move(sorted[i]));
  return batches;
}

std::vector<BatchIndices> cut_in_order(std::span<const Example> examples,
                                       const TrainConfig::Batches& options) {
  std::vector<uint32_t> order(examples.size());
  std::iota(order.begin(), order.end(), 0u);
  return cut(examples, order, options);
}

}  // namespace transept
