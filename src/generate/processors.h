// Processors: what the options do to the scores of the next token before one is chosen – penalties,
// banned and forced tokens. Order and meaning are those of the reference (transformers 5.24,
// `_get_logits_processor`); the row holds raw logits when greedy or sampling, log-probabilities
// when searching with beams.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "generate/options.h"
#include "ops/context.h"

namespace transept {

class Processors {
 public:
  // `source`: the encoder's ids (may be empty), which must outlive this object.
  Processors(const GenerateOptions& options, std::span<const Token> source, int prompt_length,
             int length_limit);

  // Could the row of a sequence of this length (start token and prompt included) be changed?
  [[nodiscard]] bool active(int length) const;

  // In place on the scores of the token after `ids` (start token, prompt and what was generated).
  void apply(const KernelTable& kernels, std::span<const Token> ids, std::span<float> scores) const;

 private:
  [[nodiscard]] bool below_minimum(int length) const;

  GenerateOptions options_;
  std::span<const Token> source_;  // owned by the request's Memory
  int prompt_length_;
  int length_limit_;
  int begin_ = 0;  // the length at which begin_suppress_tokens count
  bool always_ = false;
  std::vector<SequenceBias> bias_;       // options' sequence_bias, in the order they are added
  std::vector<SequenceBias> bad_words_;  // likewise
};

}  // namespace transept
