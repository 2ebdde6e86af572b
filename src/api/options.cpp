// GenerateOptions: the public ones and the modules' own, in both directions.
#include <algorithm>

#include "api/implementation.h"

namespace transept::api {
namespace {

template <class To, class From>
void lay_over(To& target, const std::optional<From>& value) {
  if (value) target = *value;
}

// Calls f(own, public) for every option that both spell alike.
template <class Own, class Public, class F>
void for_each_option(Own& own, Public& options, const F& f) {
  f(own.beams, options.beams);
  f(own.n_best, options.n_best);
  f(own.length_penalty, options.length_penalty);
  f(own.max_new_tokens, options.max_new_tokens);
  f(own.min_new_tokens, options.min_new_tokens);
  f(own.max_length, options.max_length);
  f(own.min_length, options.min_length);
  f(own.sample, options.sample);
  f(own.temperature, options.temperature);
  f(own.top_h, options.top_h);
  f(own.top_k, options.top_k);
  f(own.top_p, options.top_p);
  f(own.min_p, options.min_p);
  f(own.typical_p, options.typical_p);
  f(own.epsilon_cutoff, options.epsilon_cutoff);
  f(own.eta_cutoff, options.eta_cutoff);
  f(own.seed, options.seed);
  f(own.repetition_penalty, options.repetition_penalty);
  f(own.encoder_repetition_penalty, options.encoder_repetition_penalty);
  f(own.no_repeat_ngram, options.no_repeat_ngram);
  f(own.encoder_no_repeat_ngram, options.encoder_no_repeat_ngram);
  f(own.bad_words, options.bad_words);
  f(own.suppress_tokens, options.suppress_tokens);
  f(own.begin_suppress_tokens, options.begin_suppress_tokens);
  f(own.forced_bos, options.forced_bos);
  f(own.forced_eos, options.forced_eos);
  f(own.remove_invalid_values, options.remove_invalid_values);
  f(own.renormalize_logits, options.renormalize_logits);
  f(own.speculate, options.speculate);
}

}  // namespace

transept::GenerateOptions laid_over(transept::GenerateOptions defaults,
                                    const GenerateOptions& options) {
  transept::GenerateOptions search = std::move(defaults);
  for_each_option(search, options, [](auto& own, const auto& asked) { lay_over(own, asked); });
  if (options.early_stopping) search.early_stopping = early_stopping_named(*options.early_stopping);
  if (options.length_decay)
    search.length_decay = LengthDecay{options.length_decay->first, options.length_decay->second};
  if (options.sequence_bias) {
    std::vector<SequenceBias> biases;
    for (const auto& [tokens, bias] : *options.sequence_bias)
      biases.push_back({tokens, static_cast<float>(bias)});
    search.sequence_bias = std::move(biases);
  }
  search.logprobs = options.logprobs;
  if (!options.vocabulary.empty()) {
    auto tokens = std::make_shared<std::vector<Token>>(options.vocabulary);
    std::ranges::sort(*tokens);
    search.vocabulary = std::move(tokens);
  }
  if (!options.shortlist.empty()) search.shortlist = options.shortlist.implementation()->shortlist;
  return search;
}

GenerateOptions Model::defaults() const {
  const transept::GenerateOptions& folder = implementation_->loaded->defaults;
  GenerateOptions options;
  for_each_option(folder, options, [](const auto& own, auto& shown) { shown = own; });
  options.early_stopping = name_of(folder.early_stopping);
  if (folder.length_decay)
    options.length_decay = std::pair(folder.length_decay->start, folder.length_decay->factor);
  if (!folder.sequence_bias.empty()) options.sequence_bias.emplace();
  for (const SequenceBias& one : folder.sequence_bias)
    options.sequence_bias->emplace_back(one.tokens, static_cast<double>(one.bias));
  return options;
}

}  // namespace transept::api
