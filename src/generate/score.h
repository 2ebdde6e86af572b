// Scoring: how likely the model finds given targets, by teacher forcing.
#pragma once

#include <span>
#include <vector>

#include "generate/options.h"
#include "model/memory.h"
#include "model/weights.h"
#include "ops/context.h"
#include "ops/softmax.h"

namespace transept {

struct ScoreRequest {
  Memory memory;              // empty for a decoder on its own
  std::vector<Token> prompt;  // without the start token
  std::vector<Token> target;  // after the prompt; an end mark counts if it is there
};

struct TokenScore {
  Token id = 0;
  float logprob = 0;
  std::vector<Scored> top;  // the n_top likeliest (index: token, value: logprob), best first
};

struct Score {
  double logprob = 0;  // sum over the tokens
  std::vector<TokenScore> tokens;
};

// Log-softmax of the model's own logits: of `options` only the start token counts. Many requests
// are computed as ragged batches; each score is the same to the bit as if computed alone, and as
// what generate() reports for the same tokens.
[[nodiscard]] std::vector<Score> score(Context& c, const Transformer& model,
                                       std::span<const ScoreRequest> requests,
                                       const GenerateOptions& options, int n_top = 0);

}  // namespace transept
