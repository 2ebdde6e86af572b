// BeamSession: beam search as transformers 5.24 does it (`_beam_search`), for one request. The k
// running hypotheses share one Memory; only the self-attention states fork.
//
// Each step looks at the best (n_eos + 1) * k continuations of all running hypotheses, at least
// 2 * k. Those among the first k that end are finished; the best k that do not end run on. Scores
// are sums of log-probabilities (after the processors), finished ones divided by length^penalty,
// where the length counts generated tokens with the end mark. Among equals the hypothesis that
// ranked higher comes first, then the lower token.
//
// Stopping with `never` compares the best running sum divided by the divisor most favourable to it
// (of the limit if the penalty is positive, of the present length if not) with the worst of k
// finished scores. A sum never rises while scores are log-probabilities, so what is dropped cannot
// win. Only a length decay or a positive sequence bias raises sums; then it is a guess, as in the
// reference.
#pragma once

#include "generate/processors.h"
#include "generate/session.h"

namespace transept {

class BeamSession final : public Session {
 public:
  BeamSession(const Config& config, const GenerateOptions& options,
              const std::vector<Token>& prompt, Memory memory,
              std::shared_ptr<const OutputSubset> outputs = nullptr);

  [[nodiscard]] bool finished() const override { return finished_; }
  [[nodiscard]] std::vector<WantedRow> wanted() override;
  [[nodiscard]] bool needs_scratch() const override { return true; }
  void read(int row, std::span<const float> logits, std::span<float> scratch,
            const KernelTable& kernels) override;
  [[nodiscard]] std::optional<Few> needs_few(int row, std::vector<Token>& banned) const override;
  void read_few(int row, std::span<const Scored> best, const LogNorm& norm) override;
  void advance() override;
  [[nodiscard]] std::span<const Token> certain() const override { return {}; }
  [[nodiscard]] std::vector<Hypothesis> take_results() override;

  // For those who show the search: what each advance() weighed, best first.
  enum class Fate { running, ended, dropped };
  struct Weighed {
    int parent = 0;  // the running hypothesis it continues: its number after the advance() before
    int child = -1;  // its own number, if it runs on
    Token token = 0;
    float logprob = 0;  // of the token, the model's own
    float score = 0;    // the sum that is compared
    Fate fate = Fate::dropped;
  };
  // Filled anew by every advance(); must outlive the search.
  void watch(std::vector<Weighed>* weighed) { watched_ = weighed; }

 private:
  struct Continuation {
    Token token = 0;
    float score = 0;    // of this token, after the processors
    float logprob = 0;  // of this token, the model's own
  };
  struct Row {  // one running decode
    DecodeState state;
    std::vector<Token> ids;  // start token, prompt, generated
    std::vector<float> logprobs;
    std::vector<Continuation> best;
  };
  struct Beam {  // a place in the search; several have the same row while they hold the same tokens
    int row = 0;
    float score = 0;
  };
  struct Extension {  // a beam and its next token
    int row = 0;
    Continuation next;
    float score = 0;
    bool ends = false;
  };
  struct Ended {
    std::vector<Token> ids;  // generated
    std::vector<float> logprobs;
    float score = 0;
    bool real = false;  // false: an empty place
  };

  [[nodiscard]] std::vector<Extension> best_extensions() const;
  [[nodiscard]] Ended end(const Row& row) const;
  void finish_some(const std::vector<Extension>& extensions);
  void run_on(const std::vector<Extension>& extensions);
  void tell_weighed(const std::vector<Extension>& extensions) const;
  void tell_running(const Extension& extension, size_t child) const;
  [[nodiscard]] bool can_improve() const;
  [[nodiscard]] bool is_end(const Extension& extension) const;
  [[nodiscard]] size_t n_extensions() const;
  [[nodiscard]] float length_divisor(size_t generated) const;

  GenerateOptions options_;
  size_t prompt_length_;
  size_t limit_;
  size_t length_;  // of every running hypothesis, prompt included
  bool finished_ = false;
  std::vector<Row> rows_;
  std::vector<Beam> beams_;   // best first
  std::vector<Ended> ended_;  // best first
  Processors processors_;
  std::vector<Weighed>* watched_ = nullptr;
};

}  // namespace transept
