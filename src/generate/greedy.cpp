#include "generate/greedy.h"

#include <algorithm>
#include <limits>

#include "base/rng.h"
#include "ops/softmax.h"

namespace transept {

GreedySession::GreedySession(const Config& config, const GenerateOptions& options,
                             const std::vector<Token>& prompt, Memory memory,
                             std::shared_ptr<const OutputSubset> outputs)
    : Session(std::move(memory), std::move(outputs)),
      options_(options),
      prompt_length_(decoder_prompt(options, config, prompt).size()),
      limit_(static_cast<size_t>(length_limit(options, config, static_cast<int>(prompt_length_)))),
      processors_(options, memory_.empty() ? std::span<const Token>() : memory_.ids(),
                  static_cast<int>(prompt_length_), static_cast<int>(limit_), outputs_.get()),
      // Sampled tokens are harder to guess, and several samples share rows already.
      drafter_(
          config.shared_embeddings && !memory_.empty() ? memory_.ids() : std::span<const Token>(),
          options.sample ? 0 : options.speculate) {
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
  n_guesses_ = 0;
  if (sequences_.size() == 1 && !running_.empty()) guess(sequences_.front());
  if (n_guesses_ > 0) {
    return {{&sequences_.front().state, guessed_, static_cast<int>(n_guesses_) + 1}};
  }
  if (!started_) return {{&sequences_.front().state, sequences_.front().ids}};
  for (const int index : running_) {
    Sequence& sequence = sequences_[static_cast<size_t>(index)];
    rows.push_back({&sequence.state, sequence.ids});
  }
  return rows;
}

void GreedySession::guess(Sequence& sequence) {
  // The last token is chosen, never guessed.
  const size_t room = limit_ - sequence.ids.size() - 1;
  const size_t most = std::min(room, static_cast<size_t>(most_drafts_));
  const std::vector<Token> guesses = drafter_.propose(sequence.ids, static_cast<int>(most));
  n_guesses_ = guesses.size();
  sequence.next.resize(n_guesses_ + 1);
  if (guesses.empty()) return;
  guessed_ = sequence.ids;
  guessed_.insert(guessed_.end(), guesses.begin(), guesses.end());
}

GreedySession::Place GreedySession::place_of(int row) const {
  if (n_guesses_ > 0) return {running_.front(), static_cast<size_t>(row)};
  return {running_[static_cast<size_t>(row)], 0};
}

std::span<const Token> GreedySession::ids_at(const Place& place) const {
  if (place.n_guessed == 0) return sequences_[static_cast<size_t>(place.sequence)].ids;
  return std::span(guessed_).first(guessed_.size() - n_guesses_ + place.n_guessed);
}

bool GreedySession::needs_scratch() const {
  if (running_.empty()) return false;
  const auto length =
      static_cast<int>(sequences_[static_cast<size_t>(running_.front())].ids.size());
  for (int n = 0; n <= static_cast<int>(n_guesses_); ++n) {
    if (processors_.active(length + n)) return true;
  }
  return false;
}

void GreedySession::read(int row, std::span<const float> logits, std::span<float> scratch,
                         const KernelTable& kernels) {
  const LogNorm norm = log_norm(kernels, logits);
  const Place place = place_of(row);
  Sequence& first = sequences_[static_cast<size_t>(place.sequence)];
  const std::span<const Token> ids = ids_at(place);
  std::span<const float> scores = logits;
  if (processors_.active(static_cast<int>(ids.size()))) {
    std::ranges::copy(logits, scratch.begin());
    processors_.apply(kernels, ids, scratch);
    scores = scratch;
  }
  const auto choose = [&](Sequence& sequence, int32_t index) {
    const float logprob = norm.of(logits[static_cast<size_t>(index)]);
    sequence.next[place.n_guessed] = {token_at(index), logprob};
  };
  if (!options_.sample) return choose(first, pick_greedy(kernels, scores));
  const std::vector<Candidate>& candidates = first.sampler.distribution(kernels, scores);
  const size_t begin = started_ ? static_cast<size_t>(&first - sequences_.data()) : 0;
  const size_t end = started_ ? begin + 1 : sequences_.size();
  for (size_t i = begin; i < end; ++i) {
    const size_t step = sequences_[i].ids.size() - prompt_length_;
    choose(sequences_[i], draw(candidates, random_uniform(options_.seed, i, step)));
  }
}

std::optional<Few> GreedySession::needs_few(int row, std::vector<Token>& banned) const {
  if (options_.sample) return std::nullopt;
  const std::span<const Token> ids = ids_at(place_of(row));
  if (!processors_.only_ban(static_cast<int>(ids.size()))) return std::nullopt;
  processors_.list_banned(ids, banned);
  return Few{.n = 1, .norm = options_.logprobs};
}

void GreedySession::read_few(int row, std::span<const Scored> best, const LogNorm& norm) {
  const Place place = place_of(row);
  sequences_[static_cast<size_t>(place.sequence)].next[place.n_guessed] = {
      token_at(best.front().index), norm.of(best.front().value)};
}

// A choice counts as long as the guesses before it were what had been chosen. Is the sequence done?
bool GreedySession::take_choices(Sequence& sequence) {
  const size_t before = sequence.ids.size();
  bool done = false;
  for (const Choice& choice : sequence.next) {
    sequence.ids.push_back(choice.token);
    if (options_.logprobs) sequence.logprobs.push_back(choice.logprob);
    done = sequence.ids.size() >= limit_ || ends(options_, generated(sequence));
    const bool guessed = n_guesses_ > 0 && sequence.ids.size() <= guessed_.size() &&
                         guessed_[sequence.ids.size() - 1] == choice.token;
    if (done || !guessed) break;
  }
  if (n_guesses_ > 0) {
    const auto accepted = static_cast<int>(sequence.ids.size() - before) - 1;
    sequence.state.truncate(static_cast<int>(sequence.ids.size()) - 1);
    drafter_.learn(static_cast<int>(n_guesses_), accepted);
    n_guesses_ = 0;
  }
  return done;
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
    const bool done = take_choices(sequence);
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
