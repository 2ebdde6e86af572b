// The decoder: tokens + Memory (+ state) -> hidden states -> logits.
#pragma once

#include <span>

#include "model/batch.h"
#include "model/blocks.h"
#include "model/decode_state.h"
#include "model/memory.h"
#include "model/weights.h"
#include "ops/linear_top_k.h"

namespace transept {

// Hidden states [batch.rows(), d_model]. memories[i] is what sequence i reads (empty for a decoder
// on its own); states[i] holds its earlier tokens and gets the new ones. Empty `states`: every
// sequence starts at position 0 and nothing is kept.
[[nodiscard]] Tensor decode(Context& c, const Transformer& model, const Batch& batch,
                            std::span<const Token> tokens, std::span<const Memory* const> memories,
                            std::span<DecodeState* const> states);

// The same with a source of either kind (blocks.h); sequence i reads the source's sequence i.
[[nodiscard]] Tensor decode(Context& c, const Transformer& model, const Batch& batch,
                            std::span<const Token> tokens, const CrossSource& source,
                            std::span<DecodeState* const> states);

// hidden [rows, d_model] -> what the output matrix multiplies, [rows, d_model]: transformed and
// scaled where the model says so. May be `hidden` itself.
[[nodiscard]] ConstTensor head_input(Context& c, const Transformer& model, ConstTensor hidden);

// hidden [rows, d_model] -> logits [rows, vocab], or those of some tokens: [rows, outputs->tokens]
[[nodiscard]] Tensor logits(Context& c, const Transformer& model, ConstTensor hidden,
                            const OutputSubset* outputs = nullptr);

// hidden [rows, d_model] -> per row the first of the largest logits and its index: what logits()
// holds there, to the bit, mostly without making the others. Indices in `banned` (sorted) do not
// count.
[[nodiscard]] std::vector<Scored> best_tokens(Context& c, const Transformer& model,
                                              ConstTensor hidden, std::span<const Banned> banned,
                                              const OutputSubset* outputs = nullptr);

// hidden [rows, d_model] -> per row the k[row] largest logits and what turns logits into
// log-probabilities: what top_k() and log_norm() find in logits(), to the bit, without holding them
// all. Indices in `banned` (sorted) count as -infinity among the largest.
[[nodiscard]] std::vector<TopOutputs> top_tokens(Context& c, const Transformer& model,
                                                 ConstTensor hidden, std::span<const int> k,
                                                 std::span<const Banned> banned,
                                                 const OutputSubset* outputs = nullptr);

}  // namespace transept
