#include "generate/processors.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/softmax.h"

namespace transept {
namespace {

constexpr float kBanned = -std::numeric_limits<float>::infinity();

using Scores = std::span<float>;
using Ids = std::span<const Token>;

float* at(Scores scores, Token token) {
  const bool known = token >= 0 && static_cast<size_t>(token) < scores.size();
  return known ? &scores[static_cast<size_t>(token)] : nullptr;  // sources have other vocabularies
}

void ban(Scores scores, Ids tokens) {
  for (const Token token : tokens) {
    if (float* score = at(scores, token)) *score = kBanned;
  }
}

void force(Scores scores, Ids tokens) {
  std::ranges::fill(scores, kBanned);
  for (const Token token : tokens) {
    if (float* score = at(scores, token)) *score = 0;
  }
}

// Keskar et al. 2019, section 4.1, on the sign as the reference does; each token once.
void penalise(Scores scores, Ids ids, float penalty) {
  std::vector<Token> tokens(ids.begin(), ids.end());
  std::ranges::sort(tokens);
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  for (const Token token : tokens) {
    float* score = at(scores, token);
    if (score != nullptr) *score = *score < 0 ? *score * penalty : *score / penalty;
  }
}

bool ends_with(Ids ids, Ids ending) {
  return ids.size() >= ending.size() && std::ranges::equal(ids.last(ending.size()), ending);
}

// Bans every token that followed the last n - 1 of `ids` somewhere in `text`.
void ban_repeated_ngrams(Scores scores, Ids ids, Ids text, int n) {
  const auto width = static_cast<size_t>(n);
  if (ids.size() + 1 < width) return;
  const Ids prefix = ids.last(width - 1);
  for (size_t i = 0; i + width <= text.size(); ++i) {
    if (std::ranges::equal(text.subspan(i, width - 1), prefix)) {
      ban(scores, text.subspan(i + width - 1, 1));
    }
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
    if (float* score = at(scores, token)) *score += sum;
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

std::vector<SequenceBias> bad_word_bias(const GenerateOptions& options) {
  std::vector<SequenceBias> entries;
  for (const auto& word : options.bad_words) {
    const bool is_eos =
        word.size() == 1 && std::ranges::find(options.eos, word[0]) != options.eos.end();
    if (!is_eos) entries.push_back({word, kBanned});  // the reference never bans the end mark so
  }
  return in_order(std::move(entries));
}

void favour_end(Scores scores, Ids eos, double rise) {
  for (const Token token : eos) {
    float& score = scores[static_cast<size_t>(token)];
    if (std::isfinite(score)) score += std::fabs(score) * static_cast<float>(rise);
  }
}

void remove_invalid(Scores scores) {
  constexpr float kMost = std::numeric_limits<float>::max();
  for (float& score : scores) score = std::isnan(score) ? 0 : std::clamp(score, -kMost, kMost);
}

}  // namespace

Processors::Processors(const GenerateOptions& options, std::span<const Token> source,
                       int prompt_length, int length_limit)
    : options_(options),
      source_(source),
      prompt_length_(prompt_length),
      length_limit_(length_limit),
      bias_(in_order(options.sequence_bias)),
      bad_words_(bad_word_bias(options)) {
  begin_ = prompt_length > 1 || !options.forced_bos ? prompt_length : prompt_length + 1;
  const bool reads_source =
      options.encoder_repetition_penalty != 1 || options.encoder_no_repeat_ngram > 0;
  always_ = options.repetition_penalty != 1 || options.no_repeat_ngram > 0 ||
            (reads_source && !source.empty()) || !bias_.empty() || !bad_words_.empty() ||
            !options.suppress_tokens.empty() || options.remove_invalid_values ||
            options.renormalize_logits;
}

bool Processors::below_minimum(int length) const {
  const int minimum =
      options_.min_new_tokens ? prompt_length_ + *options_.min_new_tokens : options_.min_length;
  return length < minimum && !options_.eos.empty();
}

bool Processors::active(int length) const {
  return always_ || below_minimum(length) || (options_.forced_bos && length == 1) ||
         (!options_.forced_eos.empty() && length == length_limit_ - 1) ||
         (options_.length_decay && length > prompt_length_ + options_.length_decay->start) ||
         (!options_.begin_suppress_tokens.empty() && length == begin_);
}

void Processors::apply(const KernelTable& kernels, Ids ids, Scores scores) const {
  const GenerateOptions& o = options_;
  const int length = static_cast<int>(ids.size());
  if (!bias_.empty()) add_bias(scores, ids, bias_);
  if (o.encoder_repetition_penalty != 1) {
    penalise(scores, source_, static_cast<float>(1 / o.encoder_repetition_penalty));
  }
  if (o.repetition_penalty != 1) {
    penalise(scores, ids, static_cast<float>(o.repetition_penalty));
  }
  if (o.no_repeat_ngram > 0) ban_repeated_ngrams(scores, ids, ids, o.no_repeat_ngram);
  if (o.encoder_no_repeat_ngram > 0) {
    ban_repeated_ngrams(scores, ids, source_, o.encoder_no_repeat_ngram);
  }
  if (!bad_words_.empty()) add_bias(scores, ids, bad_words_);
  if (below_minimum(length)) ban(scores, o.eos);
  if (o.forced_bos && length == 1) force(scores, Ids(&*o.forced_bos, 1));
  if (!o.forced_eos.empty() && length == length_limit_ - 1) force(scores, o.forced_eos);
  if (o.remove_invalid_values) remove_invalid(scores);
  if (o.length_decay) {
    const int late = length - prompt_length_ - o.length_decay->start;
    if (late > 0) favour_end(scores, o.eos, std::pow(o.length_decay->factor, late) - 1);
  }
  ban(scores, o.suppress_tokens);
  if (length == begin_) ban(scores, o.begin_suppress_tokens);
  if (o.renormalize_logits && !o.sample) log_softmax(kernels, scores, scores);
}

}  // namespace transept
