// Rows of logits: the logarithm of softmax and the largest entries.
//   log_softmax(x)[i] = x[i] - max(x) - log(sum over j of exp(x[j] - max(x)))
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/kernels.h"

namespace transept {

// What turns a logit into a log-probability: log_softmax(x)[i] = (x[i] - largest) - log_sum.
struct LogNorm {
  float largest = 0;
  float log_sum = 0;

  [[nodiscard]] float of(float logit) const { return (logit - largest) - log_sum; }
};

[[nodiscard]] LogNorm log_norm(const KernelTable& kernels, std::span<const float> row);

// out[i] = log_softmax(row)[i]; out may be row.
void log_softmax(const KernelTable& kernels, std::span<const float> row, std::span<float> out);

struct Scored {
  int32_t index = 0;
  float value = 0;
};

// The min(k, size) largest entries, largest first, the lower index first among equals. NaN counts
// as minus infinity. `best` is overwritten; its capacity is reused.
void top_k(const KernelTable& kernels, std::span<const float> row, int k,
           std::vector<Scored>& best);

// The entries >= least, which is above minus infinity, in order of index, appended to `found`.
void select_at_least(const KernelTable& kernels, std::span<const float> row, float least,
                     std::vector<Scored>& found);

}  // namespace transept
