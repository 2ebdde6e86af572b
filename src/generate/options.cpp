#include "generate/options.h"

#include <algorithm>
#include <limits>

namespace transept {
namespace {

constexpr int kMostTokens = std::numeric_limits<int>::max() / 4;
constexpr const char* kOneBeam = "expected 1 (several beams do not sample)";

void check_range(const char* name, double value, double least, double most) {
  check(value >= least && value <= most, ErrorCode::usage, "{}: {}, expected {} to {}", name, value,
        least, most);
}

void check_tokens(const char* name, const std::vector<Token>& tokens, int vocab) {
  for (const Token token : tokens) {
    check(token >= 0 && token < vocab, ErrorCode::usage, "{}: token {}, the vocabulary has {}",
          name, token, vocab);
  }
}

void check_search(const GenerateOptions& o) {
  check(o.beams >= 1 && o.beams <= 1024, ErrorCode::usage, "beams: {}, expected 1 to 1024",
        o.beams);
  check(o.n_best >= 1 && o.n_best <= 1024, ErrorCode::usage, "n_best: {}, expected 1 to 1024",
        o.n_best);
  check(o.sample || o.n_best <= o.beams, ErrorCode::usage,
        "n_best: {}, expected at most the number of beams, {}", o.n_best, o.beams);
  check(!o.sample || o.beams == 1, ErrorCode::unsupported, "beams: {} with sampling, {}", o.beams,
        kOneBeam);
  check_range("length_penalty", o.length_penalty, -100, 100);
  const auto positive = [](const char* name, std::optional<int> value) {
    check(!value || (*value >= 1 && *value <= kMostTokens), ErrorCode::usage,
          "{}: {}, expected at least 1", name, value.value_or(0));
  };
  positive("max_new_tokens", o.max_new_tokens);
  positive("max_length", o.max_length);
  check_range("min_new_tokens", o.min_new_tokens.value_or(0), 0, kMostTokens);
  check_range("min_length", o.min_length, 0, kMostTokens);
  check_range("speculate", o.speculate, 0, 64);
}

void check_sampling(const GenerateOptions& o) {
  check(o.temperature > 0 && o.temperature <= 1e6, ErrorCode::usage,
        "temperature: {}, expected more than 0 (for the likeliest token do not sample)",
        o.temperature);
  check_range("top_k", o.top_k, 0, kMostTokens);
  check_range("top_p", o.top_p, 0, 1);
  check_range("min_p", o.min_p.value_or(0), 0, 1);
  check(o.typical_p > 0 && o.typical_p <= 1, ErrorCode::usage,
        "typical_p: {}, expected more than 0 and at most 1", o.typical_p);
  check(!o.top_h || (*o.top_h > 0 && *o.top_h <= 1), ErrorCode::usage,
        "top_h: {}, expected more than 0 and at most 1", o.top_h.value_or(0));
  check(o.epsilon_cutoff >= 0 && o.epsilon_cutoff < 1, ErrorCode::usage,
        "epsilon_cutoff: {}, expected 0 to less than 1", o.epsilon_cutoff);
  check(o.eta_cutoff >= 0 && o.eta_cutoff < 1, ErrorCode::usage,
        "eta_cutoff: {}, expected 0 to less than 1", o.eta_cutoff);
}

void check_penalties(const GenerateOptions& o) {
  const auto positive = [](const char* name, double value) {
    check(value > 0 && value <= 1e6, ErrorCode::usage, "{}: {}, expected more than 0", name, value);
  };
  positive("repetition_penalty", o.repetition_penalty);
  positive("encoder_repetition_penalty", o.encoder_repetition_penalty);
  check_range("no_repeat_ngram", o.no_repeat_ngram, 0, kMostTokens);
  check_range("encoder_no_repeat_ngram", o.encoder_no_repeat_ngram, 0, kMostTokens);
  if (o.length_decay) {
    check_range("exponential_decay_length_penalty start", o.length_decay->start, 0, kMostTokens);
    positive("exponential_decay_length_penalty factor", o.length_decay->factor);
    check(!o.eos.empty(), ErrorCode::usage,
          "exponential_decay_length_penalty: there is no end mark to favour");
  }
}

bool all_suppressed(const GenerateOptions& o, const std::vector<Token>& forced) {
  return !forced.empty() && std::ranges::all_of(forced, [&](Token token) {
    return std::ranges::find(o.suppress_tokens, token) != o.suppress_tokens.end();
  });
}

void check_all_tokens(const GenerateOptions& o, int vocab) {
  check_tokens("eos", o.eos, vocab);
  check_tokens("forced_eos", o.forced_eos, vocab);
  check_tokens("suppress_tokens", o.suppress_tokens, vocab);
  check_tokens("begin_suppress_tokens", o.begin_suppress_tokens, vocab);
  if (o.forced_bos) check_tokens("forced_bos", {*o.forced_bos}, vocab);
  for (const auto& word : o.bad_words) {
    check(!word.empty(), ErrorCode::usage, "bad_words: an empty word");
    check_tokens("bad_words", word, vocab);
  }
  for (const SequenceBias& entry : o.sequence_bias) {
    check(!entry.tokens.empty(), ErrorCode::usage, "sequence_bias: an empty sequence");
    check_tokens("sequence_bias", entry.tokens, vocab);
  }
  check(!o.forced_bos || !all_suppressed(o, {*o.forced_bos}), ErrorCode::usage,
        "forced_bos: {} is suppressed too", o.forced_bos.value_or(0));
  check(!all_suppressed(o, o.forced_eos), ErrorCode::usage,
        "forced_eos: every token of it is suppressed too");
}

void check_restriction(const GenerateOptions& o, const Config& config) {
  if (o.vocabulary) {
    check(!o.vocabulary->empty(), ErrorCode::usage, "vocab: no token, so there is nothing to say");
    check_tokens("vocab", *o.vocabulary, config.decoder.vocab);
  }
  if (!o.shortlist) return;
  check(config.has_encoder(), ErrorCode::usage,
        "shortlist: {} has no encoder, so there is no source to choose by", config.family);
  check(!o.eos.empty(), ErrorCode::usage, "shortlist: there is no end mark");
  check(o.shortlist->n_targets <= config.decoder.vocab, ErrorCode::usage,
        "shortlist: it was made for {} target tokens, the vocabulary has {}",
        o.shortlist->n_targets, config.decoder.vocab);
}

}  // namespace

EarlyStopping early_stopping_named(std::string_view name) {
  if (name == "true") return EarlyStopping::yes;
  if (name == "false") return EarlyStopping::no;
  check(name == "never", ErrorCode::usage, "early stopping {}: expected true, false or never",
        name.substr(0, 100));
  return EarlyStopping::never;
}

const char* name_of(EarlyStopping early_stopping) {
  switch (early_stopping) {
    case EarlyStopping::yes:
      return "true";
    case EarlyStopping::never:
      return "never";
    case EarlyStopping::no:
      break;
  }
  return "false";
}

void check_options(const GenerateOptions& options, const Config& config) {
  check_search(options);
  check_sampling(options);
  check_penalties(options);
  check_all_tokens(options, config.decoder.vocab);
  check_restriction(options, config);
}

std::vector<Token> decoder_prompt(const GenerateOptions& options, const Config& config,
                                  const std::vector<Token>& prompt) {
  check_tokens("prompt", prompt, config.decoder.vocab);
  const Token fallback =
      config.has_encoder() && config.decoder_start >= 0 ? config.decoder_start : config.bos;
  const Token bos = options.bos.value_or(fallback);
  const Token start = config.has_encoder() ? options.decoder_start.value_or(bos) : bos;
  std::vector<Token> ids;
  if (config.has_encoder() ? prompt.empty() || prompt.front() != start : prompt.empty()) {
    check(start >= 0 && start < config.decoder.vocab, ErrorCode::usage,
          "decoder_start: {}, the model names no token that its decoder begins with", start);
    ids.push_back(start);
  }
  ids.insert(ids.end(), prompt.begin(), prompt.end());
  return ids;
}

int length_limit(const GenerateOptions& options, const Config& config, int prompt_length) {
  // The last token is chosen but never fed: one more than the positions.
  const int most = config.decoder.max_positions > 0 ? config.decoder.max_positions + 1
                                                    : std::numeric_limits<int>::max() / 2;
  check(prompt_length < most, ErrorCode::limit,
        "the prompt has {} tokens, the decoder has {} positions", prompt_length, most - 1);
  if (options.max_new_tokens) return std::min(prompt_length + *options.max_new_tokens, most);
  if (options.max_length) {
    check(prompt_length < *options.max_length, ErrorCode::limit,
          "the prompt has {} tokens, max_length is {}", prompt_length, *options.max_length);
    return std::min(*options.max_length, most);
  }
  return std::min(prompt_length + GenerateOptions::kDefaultMaxNewTokens, most);
}

}  // namespace transept
