// The encoder: tokens -> hidden states, and from there to a Memory.
#pragma once

#include <span>
#include <vector>

#include "model/batch.h"
#include "model/memory.h"
#include "model/weights.h"

namespace transept {

// Whether these tokens can be encoded, without running anything. Error unsupported if the model has
// no encoder, bad_data for no token at all or one that is not in the vocabulary, limit if there are
// more than the encoder has positions.
void check_source(const Config& config, std::span<const Token> tokens);

// Hidden states [batch.rows(), d_model] of all sequences, in the arena. Error limit if a sequence
// is longer than the positions allow, bad_data if a token is not in the vocabulary.
[[nodiscard]] Tensor encode(Context& c, const Transformer& model, const Batch& batch,
                            std::span<const Token> tokens);

// One encoder pass over several inputs (no padding), one Memory each. Every Memory is the same to
// the bit as if its input had been encoded alone. Error usage if an input is empty.
[[nodiscard]] std::vector<Memory> encode_memories(Context& c, const Transformer& model,
                                                  std::span<const std::vector<Token>> inputs);

}  // namespace transept
