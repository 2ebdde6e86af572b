// Normalisation of rows.
// LayerNorm: y = (x - mean) / sqrt(var + eps) * gain + shift  (Ba et al. 2016; var without Bessel's
// correction) RMSNorm:   y = x / sqrt(mean(x²) + eps) * gain  (Zhang & Sennrich 2019, eq. 4). No
// mean is subtracted, no shift.
#pragma once

#include "ops/context.h"
#include "tensor/weight.h"

namespace transept {

// shift empty: RMSNorm. y may be x.
void norm_rows(Context& c, const Weight& gain, const Weight& shift, float eps, ConstTensor x,
               Tensor y);

// x += y, then normed = norm(x), row by row while the row is at hand. normed may be x. Not while
// recording.
void norm_sum_rows(Context& c, const Weight& gain, const Weight& shift, float eps, Tensor x,
                   ConstTensor y, Tensor normed);

}  // namespace transept
