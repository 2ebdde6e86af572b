// GreedySession: one token after the other, the likeliest or a drawn one. Several samples run side
// by side after one pass over the prompt.
#pragma once

#include "generate/processors.h"
#include "generate/sampler.h"
#include "generate/session.h"

namespace transept {

class GreedySession final : public Session {
 public:
  GreedySession(const Config& config, const GenerateOptions& options,
                const std::vector<Token>& prompt, Memory memory);

  [[nodiscard]] bool finished() const override { return running_.empty(); }
  [[nodiscard]] std::vector<WantedRow> wanted() override;
  [[nodiscard]] bool needs_scratch() const override;
  void read(int row, std::span<const float> logits, std::span<float> scratch,
            const KernelTable& kernels) override;
  [[nodiscard]] bool needs_only_best(int row, std::vector<Token>& banned) const override;
  void read_best(int row, Token best) override;
  void advance() override;
  [[nodiscard]] std::span<const Token> certain() const override;
  [[nodiscard]] std::vector<Hypothesis> take_results() override;

 private:
  struct Sequence {
    DecodeState state{};
    std::vector<Token> ids{};  // start token, prompt, generated
    std::vector<float> logprobs{};
    Token next = 0;  // chosen by read()
    float next_logprob = 0;
    Sampler sampler;
  };

  [[nodiscard]] std::span<const Token> generated(const Sequence& sequence) const;

  GenerateOptions options_;
  size_t prompt_length_;
  size_t limit_;
  bool started_ = false;
  std::vector<Sequence> sequences_;
  std::vector<int> running_;  // indices into sequences_; before the first step they share one row
  Processors processors_;
};

}  // namespace transept
