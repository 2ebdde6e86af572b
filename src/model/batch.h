// Batch: which rows belong to which sequence, and at what position each sequence's first row
// stands. No padding.
#pragma once

#include <cstdint>
#include <vector>

namespace transept {

struct Sequence {
  int begin = 0;  // rows [begin, end) of the batch
  int end = 0;
  int position = 0;      // of row `begin`: how many tokens of this sequence came before
  uint32_t example = 0;  // training: which example of the step it is, so that dropout does not
                         // depend on how the step is cut into batches
};

struct Batch {
  std::vector<Sequence> sequences;

  [[nodiscard]] int rows() const { return sequences.empty() ? 0 : sequences.back().end; }
  // Appends a sequence of n rows whose first stands at `position`.
  void add(int n, int position = 0, uint32_t example = 0) {
    sequences.push_back({rows(), rows() + n, position, example});
  }
};

}  // namespace transept
