// Records the worked example: runs a greedy decode, step by step, with an Observer that keeps every
// attention weight, and writes down what a reader wants to see.
#pragma once

#include <vector>

#include "generate/options.h"
#include "model/memory.h"
#include "model/weights.h"
#include "ops/context.h"
#include "text/tokenizer.h"
#include "transept/explanation.h"

namespace transept {

struct TraceOptions {
  int steps = 5;
  int top = 5;                           // candidates kept per step
  const Tokenizer* tokenizer = nullptr;  // may be null: pieces are then ids
  bool value_norms = false;              // fill Explanation::value_norms
};

// `memory` is empty for a decoder on its own; `prompt` comes after the start token. The search
// options' processors count (forced first tokens, suppressed tokens), but not beams or sampling.
[[nodiscard]] Explanation trace(Context& c, const Transformer& model, const Memory& memory,
                                const GenerateOptions& search, const std::vector<Token>& prompt,
                                const TraceOptions& options);

}  // namespace transept
