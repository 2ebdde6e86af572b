// Positions: sinusoid tables and T5's relative-position buckets.
#pragma once

#include <vector>

#include "model/batch.h"
#include "model/config.h"
#include "ops/attention.h"
#include "ops/context.h"
#include "tensor/weight.h"

namespace transept {

// The rows of a sinusoid table of one kind and width.
class Sinusoids {
 public:
  Sinusoids(Positions kind, int d);
  // Row `position`, which counts from 0 with the stack's offset included, into out[0, d).
  void row(int position, float* out) const;

 private:
  Positions kind_;
  int d_;
  std::vector<double> divisors_;  // angle = position / divisor, or position * factor for fairseq's
};

// x [batch.rows(), d] += what stands for the position of each row: learned table or sinusoid.
void add_positions(Context& c, const StackConfig& stack, const Weight& table, const Batch& batch,
                   Tensor x);

// The bucket of the distance key - query (Raffel et al. 2020; as transformers' T5Attention computes
// it, in f32): half of the buckets for exact small distances, the others in logarithmic steps up to
// max_distance.
[[nodiscard]] int relative_bucket(int distance, bool two_sided, int buckets, int max_distance);

// The bias of every head for the distances [least, most], in the arena.
[[nodiscard]] RelativeBias relative_bias(Context& c, const StackConfig& stack, const Weight& table,
                                         int least, int most);

}  // namespace transept
