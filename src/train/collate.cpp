#include "train/collate.h"

namespace transept {

Examples collate(std::span<const Example> examples, const BatchIndices& batch, double prompt_weight,
                 size_t first) {
  Examples out;
  auto number = static_cast<uint32_t>(first);
  const Example* last = nullptr;
  for (const uint32_t index : batch) {
    const Example& example = examples[index];
    if (last == nullptr || example.source != last->source) {
      out.source.add(static_cast<int>(example.source.size()), 0, number);
      out.source_tokens.insert(out.source_tokens.end(), example.source.begin(),
                               example.source.end());
    }
    last = &example;
    out.reads.push_back(static_cast<int>(out.source.sequences.size()) - 1);
    out.target.add(example.rows(), 0, number++);
    out.inputs.insert(out.inputs.end(), example.target.begin(), example.target.end() - 1);
    out.labels.insert(out.labels.end(), example.target.begin() + 1, example.target.end());
    for (int row = 0; row < example.rows(); ++row) {
      out.weights.push_back(row < example.prompt ? static_cast<float>(prompt_weight) : 1.F);
    }
  }
  return out;
}

double label_weight(std::span<const Example> examples, const BatchIndices& batch,
                    double prompt_weight) {
  double weight = 0;
  for (const uint32_t index : batch) {
    const Example& example = examples[index];
    weight += prompt_weight * example.prompt + (example.rows() - example.prompt);
  }
  return weight;
}

}  // namespace transept
