// Session: one request as a state machine. It says which rows it wants from the decoder, reads the
// logits they give, and never calls the model itself:
//
//   while (!session.finished()) {
//     feed every row of session.wanted() to the decoder;
//     for (each of their logits, in any order, on any thread) session.read(its number, it),
//         or session.read_few(its number, the largest of it) where needs_few() says so;
//     session.advance();
//   }
//
// Nothing in it depends on what else is decoded at the same time.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "generate/options.h"
#include "model/decode_state.h"
#include "model/memory.h"
#include "model/output_subset.h"
#include "ops/softmax.h"

namespace transept {

enum class Finish { eos, length, stop };

struct Hypothesis {
  std::vector<Token>
      ids;  // generated: without start token and prompt, with the end mark if reached
  std::vector<float> token_logprobs;  // log-softmax of the model's own logits, whatever the options
  double logprob = 0;                 // their sum; NaN where GenerateOptions::logprobs is off
  double score = 0;                   // what the search ranks by; without beams: logprob
  Finish finish = Finish::length;
};

// A running decode: all its tokens (start token and prompt included) and the state that holds all
// but the last few of them. Those are to be fed; the logits of the last one are wanted, or of the
// last few, where all but the first of these are guesses.
struct WantedRow {
  DecodeState* state;
  std::span<const Token> ids;
  int n_logits = 1;

  [[nodiscard]] std::span<const Token> new_ids() const {
    return ids.subspan(static_cast<size_t>(state->length()));
  }
};

// What counts of a row of logits.
struct Few {
  int n;      // the largest so many,
  bool norm;  // and what turns them into log-probabilities?
};

class Session {
 public:
  virtual ~Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] const Memory& memory() const { return memory_; }
  // What its rows have logits of; null: every token.
  [[nodiscard]] const OutputSubset* outputs() const { return outputs_.get(); }
  [[nodiscard]] virtual bool finished() const = 0;
  // Rows that the next wanted() may add for guesses; unlimited if never called.
  virtual void limit_drafts(int /*rows*/) {}
  // Valid until advance(). Empty when finished.
  [[nodiscard]] virtual std::vector<WantedRow> wanted() = 0;
  // Would read() write to its scratch?
  [[nodiscard]] virtual bool needs_scratch() const = 0;
  // The logits of a row; rows are numbered through wanted(), each `n_logits` of them. scratch is as
  // long, or empty if none is needed. Rows may be read concurrently.
  virtual void read(int row, std::span<const float> logits, std::span<float> scratch,
                    const KernelTable& kernels) = 0;
  // Of the logits of a wanted row, do only the largest few count, where those of the tokens that it
  // appends to `banned` are -infinity? Then read_few() is called instead of read().
  [[nodiscard]] virtual std::optional<Few> needs_few(int /*row*/,
                                                     std::vector<Token>& /*banned*/) const {
    return std::nullopt;
  }
  // The largest first, as many as it needs; `norm`, if it needs that, of all logits.
  virtual void read_few(int /*row*/, std::span<const Scored> /*best*/, const LogNorm& /*norm*/) {}
  virtual void advance() = 0;
  // Tokens that are certain, for streaming: all so far of a single hypothesis, with beams none
  // until the end.
  [[nodiscard]] virtual std::span<const Token> certain() const = 0;
  // When finished: with beams best first, samples in the order of their random numbers.
  [[nodiscard]] virtual std::vector<Hypothesis> take_results() = 0;

 protected:
  Session(Memory memory, std::shared_ptr<const OutputSubset> outputs)
      : memory_(std::move(memory)), outputs_(std::move(outputs)) {}
  // The token whose logit is at an index of a row.
  [[nodiscard]] Token token_at(int32_t index) const {
    return outputs_ == nullptr ? index : outputs_->tokens[static_cast<size_t>(index)];
  }

  Memory memory_;
  std::shared_ptr<const OutputSubset> outputs_;
};

// Checks the options. `prompt` without the start token; memory empty for a decoder on its own;
// `outputs` what allowed_outputs() says.
[[nodiscard]] std::unique_ptr<Session> make_session(
    const Config& config, const GenerateOptions& options, const std::vector<Token>& prompt,
    Memory memory, std::shared_ptr<const OutputSubset> outputs = nullptr);

// Why a hypothesis ends with the last of these tokens, if not by its length; does it?
[[nodiscard]] Finish finish_of(const GenerateOptions& options, std::span<const Token> generated);
[[nodiscard]] inline bool ends(const GenerateOptions& options, std::span<const Token> generated) {
  return finish_of(options, generated) != Finish::length;
}

// The sum in order, in double: what `logprob` of a Hypothesis and of a score is.
[[nodiscard]] double sum_logprobs(std::span<const float> token_logprobs);

}  // namespace transept
