// Normalisation of rows.
// LayerNorm: y = (x - mean) / sqrt(var + eps) * gain + shift  (Ba et al. 2016; var without Bessel's
// correction) RMSNorm:   y = x / sqrt(mean(x²) + eps) * gain  (Zhang & Sennrich 2019, eq. 4). No
// mean is subtracted, no shift.
#pragma once

#include "ops/context.h"
#include "tensor/weight.h"

namespace transept {

enum class NormKind { layer, rms };

struct Norm {
  NormKind kind = NormKind::layer;
  float eps = 0;
  Weight gain;   // [1, d]
  Weight shift;  // [1, d]; RMSNorm has none
};

// y may be x.
void norm_rows(Context& c, const Norm& norm, ConstTensor x, Tensor y);

// x += y, then normed = norm(x), row by row while the row is at hand. normed may be x. Not while
// recording.
void norm_sum_rows(Context& c, const Norm& norm, Tensor x, ConstTensor y, Tensor normed);

}  // namespace transept
