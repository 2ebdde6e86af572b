// GreedySession: one token after the other, the likeliest or a drawn one. Several samples run side
// by side after one pass over the prompt.
#pragma once

#include "generate/draft.h"
#include "generate/processors.h"
#include "generate/sampler.h"
#include "generate/session.h"

namespace transept {

class GreedySession final : public Session {
 public:
  GreedySession(const Config& config, const GenerateOptions& options,
                const std::vector<Token>& prompt, Memory memory,
                std::shared_ptr<const OutputSubset> outputs);

  [[nodiscard]] bool finished() const override { return running_.empty(); }
  void limit_drafts(int rows) override { most_drafts_ = rows; }
  [[nodiscard]] std::vector<WantedRow> wanted() override;
  [[nodiscard]] bool needs_scratch() const override;
  void read(int row, std::span<const float> logits, std::span<float> scratch,
            const KernelTable& kernels) override;
  [[nodiscard]] std::optional<Few> needs_few(int row, std::vector<Token>& banned) const override;
  void read_few(int row, std::span<const Scored> best, const LogNorm& norm) override;
  void advance() override;
  [[nodiscard]] std::span<const Token> certain() const override;
  [[nodiscard]] std::vector<Hypothesis> take_results() override;

 private:
  struct Choice {
    Token token = 0;
    float logprob = 0;
  };
  struct Sequence {
    DecodeState state{};
    std::vector<Token> ids{};  // start token, prompt, generated
    std::vector<float> logprobs{};
    std::vector<Choice> next =
        std::vector<Choice>(1);  // chosen by read(): the next token, and those after each guess
    Sampler sampler;
  };
  // What a row belongs to: a sequence, and how many of its guesses the row comes after.
  struct Place {
    int sequence = 0;
    size_t n_guessed = 0;
  };

  [[nodiscard]] Place place_of(int row) const;
  [[nodiscard]] std::span<const Token> ids_at(const Place& place) const;
  void guess(Sequence& sequence);
  bool take_choices(Sequence& sequence);
  [[nodiscard]] std::span<const Token> generated(const Sequence& sequence) const;

  GenerateOptions options_;
  size_t prompt_length_;
  size_t limit_;
  bool started_ = false;
  std::vector<Sequence> sequences_;
  std::vector<int> running_;  // indices into sequences_; before the first step they share one row
  Processors processors_;
  Drafter drafter_;  // of a single sequence
  int most_drafts_ = 64;
  size_t n_guesses_ = 0;        // the last tokens of guessed_
  std::vector<Token> guessed_;  // ids and guesses of the only sequence, if there are guesses
};

}  // namespace transept
