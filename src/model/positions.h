// Positions: sinusoid tables and T5's relative-position buckets.
#pragma once

#include "model/config.h"
#include "ops/attention.h"
#include "ops/context.h"
#include "tensor/weight.h"

namespace transept {

// Row `position` of the sinusoid table of `kind` into out[0, d). `position` counts from 0, the
// offset is included.
void sinusoid(Positions kind, int position, int d, float* out);

// x[row] += what stands for the position of that row: learned table or sinusoid.
void add_positions(Context& c, const StackConfig& stack, const Weight& table, int position, int row,
                   Tensor x);

// The bucket of the distance key - query (Raffel et al. 2020; as transformers' T5Attention computes
// it, in f32): half of the buckets for exact small distances, the others in logarithmic steps up to
// max_distance.
[[nodiscard]] int relative_bucket(int distance, bool two_sided, int buckets, int max_distance);

// The bias of every head for the distances [least, most], in the arena.
[[nodiscard]] RelativeBias relative_bias(Context& c, const StackConfig& stack, const Weight& table,
                                         int least, int most);

}  // namespace transept
