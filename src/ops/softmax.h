// Rows of logits: the logarithm of softmax and the largest entries.
//   log_softmax(x)[i] = x[i] - max(x) - log(sum over j of exp(x[j] - max(x)))
#pragma once

#include <cstdint>
#include <limits>
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

// Of some entries: the largest, and the sum of exp(entry - largest).
struct SumExp {
  float largest = -std::numeric_limits<float>::infinity();
  float sum = 0;
};

// A row is summed in pieces of so many entries, and the pieces in order: one whose pieces are never
// there at the same time gets the same bits.
inline constexpr int kSumPiece = 512;
[[nodiscard]] SumExp sum_exp(const KernelTable& kernels, std::span<const float> piece);
[[nodiscard]] LogNorm log_norm(std::span<const SumExp> pieces);
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

// Does a come before b there? Neither value is NaN.
[[nodiscard]] constexpr bool ranks_before(const Scored& a, const Scored& b) {
  return a.value != b.value ? a.value > b.value : a.index < b.index;
}

// The entries of a piece of a row, the first of index `first`, take their places among the best k
// of what came before it. Of more than so many one sort finds them faster.
inline constexpr size_t kMostInserted = 64;
void add_to_top_k(const KernelTable& kernels, std::span<const float> piece, int32_t first, size_t k,
                  std::vector<Scored>& best);

// The entries >= least, which is above minus infinity, in order of index, appended to `found`.
void select_at_least(const KernelTable& kernels, std::span<const float> row, float least,
                     std::vector<Scored>& found);

}  // namespace transept
