// The first values of a model's weights, drawn from (seed, weight, element).
//
// Per family, as its reference does:
//   T5         (transformers T5PreTrainedModel, after Mesh TensorFlow): normal; q 1/sqrt(d d_head),
//              k v up gate 1/sqrt(d), o 1/sqrt(heads d_head), down 1/sqrt(d_ff), tables 1,
//              relative bias 1/sqrt(d)
//   BART, mBART, Pegasus, M2M100, BERT  (their papers' and classes'): normal, 0.02
//   Transformer, Marian  (fairseq's transformer and Marian's): Glorot uniform, tables normal with
//              1/sqrt(d), which sqrt(d) brings back to 1
// Norms begin at gain 1, shift 0; biases at 0; the padding token's row at 0 except in T5.
#pragma once

#include <cstdint>
#include <string>

#include "model/parameters.h"

namespace transept {

// Weights whose names begin with `skip` (if not empty) keep their values. `family` as TrainConfig
// has it; anything else is initialised as BERT is.
void initialize(Parameters& parameters, const Config& config, const std::string& family,
                uint64_t seed, const std::string& skip = {});

// Takes the values of weights whose names begin with `prefix` from another model, of any storage
// type. Error mismatch if it lacks one or has it in another shape.
void copy_values(const Transformer& from, const std::string& prefix, Parameters& to);

}  // namespace transept
