#include "generate/greedy.h"

#include <algorithm>
#include <limits>

#include "base/rng.h"
#include "ops/softmax.h"

namespace transept {

GreedySession::GreedySession(const Config& config, const GenerateOptions& options,
                             const std::vector<Token>& prompt, Memory memory)
    : Session(std::move(memory)),
      options_(options),
      prompt_length_(decoder_prompt(options, config, prompt).size()),
      limit_(static_cast<size_t>(length_limit(options, config, static_cast<int>(prompt_length_)))),
      processors_(options, memory_.empty() ? std::span<const Token>() : memory_.ids(),
                  static_cast<int>(prompt_length_), static_cast<int>(limit_)) {
  const int n_sequences = options.sample ? options.n_best : 1;
  for (int i = 0; i < n_sequences; ++i) sequences_.push_back({.sampler = Sampler(options)});
  for (Sequence& sequence : sequences_) {
    sequence.ids = decoder_prompt(options, config, prompt);
    running_.push_back(static_cast<int>(running_.size()));
  }
  sequences_.front().state = DecodeState(config.decoder);
}

std::vector<WantedRow> GreedySession::wanted() {
  std::vector<WantedRow> rows;
  if (!started_) return {{&sequences_.front().state, sequences_.front().ids}};
  for (const int index : running_) {
    Sequence& sequence = sequences_[static_cast<size_t>(index)];
    rows.push_back({&sequence.state, sequence.ids});
  }
  return rows;
}

bool GreedySession::needs_scratch() const {
  if (running_.empty()) return false;
  const Sequence& sequence = sequences_[static_cast<size_t>(running_.front())];
  return processors_.active(static_cast<int>(sequence.ids.size()));
}

void GreedySession::read(int row, std::span<const float> logits, std::span<float> scratch,
                         const KernelTable& kernels) {
  const LogNorm norm = log_norm(kernels, logits);
  Sequence& first = sequences_[static_cast<size_t>(running_[static_cast<size_t>(row)])];
  std::span<const float> scores = logits;
  if (needs_scratch()) {
    std::ranges::copy(logits, scratch.begin());
    processors_.apply(kernels, first.ids, scratch);
    scores = scratch;
  }
  const auto choose = [&](Sequence& sequence, Token token) {
    sequence.next = token;
    sequence.next_logprob = norm.of(logits[static_cast<size_t>(token)]);
  };
  if (!options_.sample) return choose(first, pick_greedy(scores));
  const std::vector<Candidate>& candidates = first.sampler.distribution(kernels, scores);
  const size_t begin = started_ ? static_cast<size_t>(&first - sequences_.data()) : 0;
  const size_t end = started_ ? begin + 1 : sequences_.size();
  for (size_t i = begin; i < end; ++i) {
    const size_t step = sequences_[i].ids.size() - prompt_length_;
    choose(sequences_[i], draw(candidates, random_uniform(options_.seed, i, step)));
  }
}

bool GreedySession::needs_only_best(int row, std::vector<Token>& banned) const {
  if (options_.logprobs || options_.sample) return false;
  const Sequence& sequence = sequences_[static_cast<size_t>(running_[static_cast<size_t>(row)])];
  if (!processors_.only_ban(static_cast<int>(sequence.ids.size()))) return false;
  processors_.list_banned(sequence.ids, banned);
  return true;
}

void GreedySession::read_best(int row, Token best) {
  Sequence& sequence = sequences_[static_cast<size_t>(running_[static_cast<size_t>(row)])];
  sequence.next = best;
}

void GreedySession::advance() {
  if (!started_) {
    for (size_t i = 1; i < sequences_.size(); ++i) {
      sequences_[i].state = sequences_.front().state.fork();
    }
    started_ = true;
  }
  std::erase_if(running_, [&](int index) {
    Sequence& sequence = sequences_[static_cast<size_t>(index)];
    sequence.ids.push_back(sequence.next);
    if (options_.logprobs) sequence.logprobs.push_back(sequence.next_logprob);
    const bool done = sequence.ids.size() >= limit_ || ends(options_, generated(sequence));
    if (done) {  // what it held is no longer needed
      sequence.state = DecodeState();
      sequence.sampler = Sampler(options_);
    }
    return done;
  });
}

std::span<const Token> GreedySession::certain() const {
  if (sequences_.size() != 1) return {};
  return generated(sequences_.front());
}

std::vector<Hypothesis> GreedySession::take_results() {
  std::vector<Hypothesis> results;
  for (Sequence& sequence : sequences_) {
    Hypothesis hypothesis;
    const std::span<const Token> ids = generated(sequence);
    hypothesis.ids.assign(ids.begin(), ids.end());
    hypothesis.token_logprobs = std::move(sequence.logprobs);
    hypothesis.logprob = options_.logprobs ? sum_logprobs(hypothesis.token_logprobs)
                                           : std::numeric_limits<double>::quiet_NaN();
    hypothesis.score = hypothesis.logprob;
    hypothesis.finish = finish_of(options_, hypothesis.ids);
    results.push_back(std::move(hypothesis));
  }
  return results;
}

std::span<const Token> GreedySession::generated(const Sequence& sequence) const {
  return std::span<const Token>(sequence.ids).subspan(prompt_length_);
}

}  // namespace transept
