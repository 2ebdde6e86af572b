// The encoder: tokens -> hidden states, and from there to a Memory.
#pragma once

#include <span>
#include <vector>

#include "model/batch.h"
#include "model/memory.h"
#include "model/weights.h"

namespace transept {

// Hidden states [batch.rows(), d_model] of all sequences, in the arena. Error limit if a sequence
// is longer than the positions allow, bad_data if a token is not in the vocabulary.
[[nodiscard]] Tensor encode(Context& c, const Transformer& model, const Batch& batch,
                            std::span<const Token> tokens);

// One encoder pass over several inputs (no padding), one Memory each. Every Memory is the same to
// the bit as if its input had been encoded alone. Error usage if an input is empty.
[[nodiscard]] std::vector<Memory> encode_memories(Context& c, const Transformer& model,
                                                  std::span<const std::vector<Token>> inputs);

}  // namespace transept
