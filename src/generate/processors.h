// Processors: what the options do to the scores of the next token before one is chosen – penalties,
// banned and forced tokens. Order and meaning are those of the reference (transformers 5.24,
// `_get_logits_processor`); the row holds raw logits when greedy or sampling, log-probabilities
// when searching with beams.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "generate/options.h"
#include "model/output_subset.h"
#include "ops/context.h"

namespace transept {

class Processors {
 public:
  // `source`: the encoder's ids (may be empty); `outputs`: what rows have scores of (null: every
  // token). Both must outlive this object.
  Processors(const GenerateOptions& options, std::span<const Token> source, int prompt_length,
             int length_limit, const OutputSubset* outputs = nullptr);

  // Could the row of a sequence of this length (start token and prompt included) be changed?
  [[nodiscard]] bool active(int length) const;

  // Does apply() do nothing to a row of this length but ban tokens, those that list_banned()
  // appends?
  [[nodiscard]] bool only_ban(int length) const;
  void list_banned(std::span<const Token> ids, std::vector<Token>& banned) const;

  // In place on the scores of the token after `ids` (start token, prompt and what was generated).
  void apply(const KernelTable& kernels, std::span<const Token> ids, std::span<float> scores) const;

 private:
  [[nodiscard]] bool below_minimum(int length) const;
  [[nodiscard]] bool forces(int length) const;
  [[nodiscard]] int late(int length) const;
  // What is banned before a forced token, which undoes it, and what after it.
  void list_early(std::span<const Token> ids, std::vector<Token>& banned) const;
  void list_late(std::span<const Token> ids, std::vector<Token>& banned) const;

  GenerateOptions options_;
  std::span<const Token> source_;  // owned by the request's Memory
  int prompt_length_;
  int length_limit_;
  const OutputSubset* outputs_;                // owned by the session
  int begin_ = 0;                              // the length at which begin_suppress_tokens count
  bool changes_ = false;                       // every row, and not by banning alone
  bool bans_ = false;                          // could any row have banned tokens
  std::vector<SequenceBias> bias_;             // sequence_bias, in the order they are added
  std::vector<std::vector<Token>> bad_words_;  // but for the end mark
};

}  // namespace transept
