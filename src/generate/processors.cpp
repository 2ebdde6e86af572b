#include "generate/processors.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/softmax.h"

namespace transept {
namespace {

constexpr float kBanned = -std::numeric_limits<float>::infinity();

using Ids = std::span<const Token>;

// One row, and what it has scores of.
struct Scores {
  std::span<float> values;
  const OutputSubset* outputs;

  // Null: a token that may not be said, or one of a source that has another vocabulary.
  [[nodiscard]] float* at(Token token) const {
    const int32_t index = outputs == nullptr ? token : outputs->find(token).value_or(-1);
    const bool known = index >= 0 && static_cast<size_t>(index) < values.size();
    return known ? &values[static_cast<size_t>(index)] : nullptr;
  }
};

void ban(Scores scores, Ids tokens) {
  for (const Token token : tokens) {
    if (float* score = scores.at(token)) *score = kBanned;
  }
}

void force(Scores scores, Ids tokens) {
  std::ranges::fill(scores.values, kBanned);
  for (const Token token : tokens) {
    if (float* score = scores.at(token)) *score = 0;
  }
}

// Keskar et al. 2019, section 4.1, on the sign as the reference does; each token once.
void penalise(Scores scores, Ids ids, float penalty) {
  std::vector<Token> tokens(ids.begin(), ids.end());
  std::ranges::sort(tokens);
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  for (const Token token : tokens) {
    float* score = scores.at(token);
    if (score != nullptr) *score = *score < 0 ? *score * penalty : *score / penalty;
  }
}

bool ends_with(Ids ids, Ids ending) {
  return ids.size() >= ending.size() && std::ranges::equal(ids.last(ending.size()), ending);
}

// Every token that followed the last n - 1 of `ids` somewhere in `text`.
void list_repeated_ngrams(Ids ids, Ids text, int n, std::vector<Token>& banned) {
  const auto width = static_cast<size_t>(n);
  if (ids.size() + 1 < width) return;
  const Ids prefix = ids.last(width - 1);
  for (size_t i = 0; i + width <= text.size(); ++i) {
    const bool same = std::ranges::equal(text.subspan(i, width - 1), prefix);
    if (same) banned.push_back(text[i + width - 1]);
  }
}

void add_bias(Scores scores, Ids ids, const std::vector<SequenceBias>& entries) {
  std::vector<std::pair<Token, float>> sums;  // summed before it is added, as the reference does
  for (const SequenceBias& entry : entries) {
    const Ids tokens = entry.tokens;
    if (!ends_with(ids, tokens.first(tokens.size() - 1))) continue;
    const auto found = std::ranges::find(sums, tokens.back(), &std::pair<Token, float>::first);
    if (found == sums.end()) {
      sums.emplace_back(tokens.back(), entry.bias);
    } else {
      found->second += entry.bias;
    }
  }
  for (const auto& [token, sum] : sums) {
    if (float* score = scores.at(token)) *score += sum;
  }
}

// Shorter sequences first, otherwise as given; the last of equal sequences counts.
std::vector<SequenceBias> in_order(std::vector<SequenceBias> entries) {
  std::vector<SequenceBias> kept;
  for (SequenceBias& entry : entries) {
    const auto same = std::ranges::find(kept, entry.tokens, &SequenceBias::tokens);
    if (same == kept.end()) {
      kept.push_back(std::move(entry));
    } else {
      same->bias = entry.bias;
    }
  }
  std::ranges::stable_sort(kept, {}, [](const SequenceBias& entry) { return entry.tokens.size(); });
  return kept;
}

std::vector<std::vector<Token>> banned_words(const GenerateOptions& options) {
  std::vector<std::vector<Token>> words = options.bad_words;
  std::erase_if(words, [&](const std::vector<Token>& word) {  // the reference keeps the end mark
    return word.size() == 1 && std::ranges::find(options.eos, word[0]) != options.eos.end();
  });
  return words;
}

void favour_end(Scores scores, Ids eos, double rise) {
  for (const Token token : eos) {
    float* score = scores.at(token);
    if (std::isfinite(*score)) *score += std::fabs(*score) * static_cast<float>(rise);
  }
}

void remove_invalid(std::span<float> scores) {
  constexpr float kMost = std::numeric_limits<float>::max();
  for (float& score : scores) score = std::isnan(score) ? 0 : std::clamp(score, -kMost, kMost);
}

}  // namespace

Processors::Processors(const GenerateOptions& options, std::span<const Token> source,
                       int prompt_length, int length_limit, const OutputSubset* outputs)
    : options_(options),
      source_(source),
      prompt_length_(prompt_length),
      length_limit_(length_limit),
      outputs_(outputs),
      bias_(in_order(options.sequence_bias)),
      bad_words_(banned_words(options)) {
  begin_ = prompt_length > 1 || !options.forced_bos ? prompt_length : prompt_length + 1;
  changes_ = options.repetition_penalty != 1 || !bias_.empty() || options.remove_invalid_values ||
             (options.encoder_repetition_penalty != 1 && !source.empty()) ||
             options.renormalize_logits;
  bans_ = options.no_repeat_ngram > 0 || (options.encoder_no_repeat_ngram > 0 && !source.empty()) ||
          !bad_words_.empty() || !options.suppress_tokens.empty();
}

bool Processors::below_minimum(int length) const {
  const int minimum =
      options_.min_new_tokens ? prompt_length_ + *options_.min_new_tokens : options_.min_length;
  return length < minimum && !options_.eos.empty();
}

bool Processors::forces(int length) const {
  return (options_.forced_bos && length == 1) ||
         (!options_.forced_eos.empty() && length == length_limit_ - 1);
}

int Processors::late(int length) const {
  return options_.length_decay ? length - prompt_length_ - options_.length_decay->start : 0;
}

bool Processors::only_ban(int length) const {
  return !changes_ && !forces(length) && late(length) <= 0;
}

bool Processors::active(int length) const {
  return !only_ban(length) || bans_ || below_minimum(length) ||
         (!options_.begin_suppress_tokens.empty() && length == begin_);
}

void Processors::list_early(Ids ids, std::vector<Token>& banned) const {
  const GenerateOptions& o = options_;
  if (o.no_repeat_ngram > 0) list_repeated_ngrams(ids, ids, o.no_repeat_ngram, banned);
  if (o.encoder_no_repeat_ngram > 0) {
    list_repeated_ngrams(ids, source_, o.encoder_no_repeat_ngram, banned);
  }
  for (const Ids word : bad_words_) {
    if (ends_with(ids, word.first(word.size() - 1))) banned.push_back(word.back());
  }
  if (below_minimum(static_cast<int>(ids.size()))) {
    banned.insert(banned.end(), o.eos.begin(), o.eos.end());
  }
}

void Processors::list_late(Ids ids, std::vector<Token>& banned) const {
  const auto append = [&](Ids tokens) {
    banned.insert(banned.end(), tokens.begin(), tokens.end());
  };
  append(options_.suppress_tokens);
  if (static_cast<int>(ids.size()) == begin_) append(options_.begin_suppress_tokens);
}

void Processors::list_banned(Ids ids, std::vector<Token>& banned) const {
  list_early(ids, banned);
  list_late(ids, banned);
}

void Processors::apply(const KernelTable& kernels, Ids ids, std::span<float> row) const {
  const GenerateOptions& o = options_;
  const Scores scores{row, outputs_};
  const int length = static_cast<int>(ids.size());
  if (!bias_.empty()) add_bias(scores, ids, bias_);
  if (o.encoder_repetition_penalty != 1) {
    penalise(scores, source_, static_cast<float>(1 / o.encoder_repetition_penalty));
  }
  if (o.repetition_penalty != 1) {
    penalise(scores, ids, static_cast<float>(o.repetition_penalty));
  }
  std::vector<Token> banned;
  list_early(ids, banned);
  ban(scores, banned);
  if (o.forced_bos && length == 1) force(scores, Ids(&*o.forced_bos, 1));
  if (!o.forced_eos.empty() && length == length_limit_ - 1) force(scores, o.forced_eos);
  if (o.remove_invalid_values) remove_invalid(row);
  if (late(length) > 0) {
    favour_end(scores, o.eos, std::pow(o.length_decay->factor, late(length)) - 1);
  }
  banned.clear();
  list_late(ids, banned);
  ban(scores, banned);
  if (o.renormalize_logits && !o.sample) log_softmax(kernels, row, row);
}

}  // namespace transept
