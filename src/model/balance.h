// What an output matrix of int8 or int4 reads, made even: a row of activations has one scale, so a
// few large ones (T5's final norm has gains of 8 beside 0.1) leave few steps for all others.
#pragma once

#include "base/parallel.h"
#include "model/weights.h"

namespace transept {

// Moves a factor per column from the norm before the output matrix into the matrix (SmoothQuant,
// Xiao et al. 2023, arXiv:2211.10438, equation 4 at one half, with the norm's gain for what a text
// would show): its gain and shift are divided by what Weight::columns says. Powers of two, so that
// the model computes what it did, to the bit. Nothing where the matrix is not of integers, is a
// token table too, or follows no norm. `load` as in WeightSource.
void balance_output(Transformer& model, ThreadPool& pool,
                    const std::function<void(Weight& weight)>& load = {});

}  // namespace transept
