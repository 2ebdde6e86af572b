// generation_config.json and the generation keys of config.json -> GenerateOptions.
#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <utility>

#include "generate/options.h"

namespace transept {
namespace {

constexpr int64_t kMost = std::numeric_limits<int>::max() / 4;

Token to_token(const Json& value) {
  return static_cast<Token>(value.as_int(0, kMost));
}

int to_count(const Json& value) {
  return static_cast<int>(value.as_int(0, kMost));
}

std::vector<Token> to_tokens(const Json& value) {
  std::vector<Token> tokens;
  for (const Json& element : value.elements()) tokens.push_back(to_token(element));
  return tokens;
}

std::vector<Token> to_token_or_tokens(const Json& value) {
  return value.is_array() ? to_tokens(value) : std::vector<Token>{to_token(value)};
}

EarlyStopping to_early_stopping(const Json& value) {
  if (value.is_bool()) return value.as_bool() ? EarlyStopping::yes : EarlyStopping::no;
  const std::string_view text = value.as_string();
  check(text == "never", ErrorCode::bad_data, "{}: \"{}\", expected true, false or \"never\"",
        value, text);
  return EarlyStopping::never;
}

LengthDecay to_length_decay(const Json& value) {
  const std::vector<Json> pair = value.elements();
  check(pair.size() == 2, ErrorCode::bad_data, "{}: {} elements, expected [start, factor]", value,
        pair.size());
  return {to_count(pair[0]), pair[1].as_number()};
}

std::vector<SequenceBias> to_sequence_bias(const Json& value) {
  std::vector<SequenceBias> entries;
  for (const Json& element : value.elements()) {
    const std::vector<Json> pair = element.elements();
    check(pair.size() == 2, ErrorCode::bad_data, "{}: {} elements, expected [[tokens], bias]",
          element, pair.size());
    entries.push_back({to_tokens(pair[0]), static_cast<float>(pair[1].as_number())});
  }
  return entries;
}

std::vector<std::vector<Token>> to_token_lists(const Json& value) {
  std::vector<std::vector<Token>> lists;
  for (const Json& element : value.elements()) lists.push_back(to_tokens(element));
  return lists;
}

uint64_t to_seed(const Json& value) {
  return static_cast<uint64_t>(value.as_int(0, std::numeric_limits<int64_t>::max()));
}

std::shared_ptr<const std::vector<Token>> to_vocabulary(const Json& value) {
  auto tokens = std::make_shared<std::vector<Token>>(to_tokens(value));
  std::ranges::sort(*tokens);
  return tokens->empty() ? nullptr : tokens;
}

// One option: its name here and in generation_config.json; empty where that side has none.
struct Row {
  std::string_view own;
  std::string_view reference;
  void (*set)(GenerateOptions& options, const Json& value);

  [[nodiscard]] std::string_view name(Spelling spelling) const {
    return spelling == Spelling::own ? own : reference;
  }
};

using O = GenerateOptions;
constexpr std::array kRows = {
    Row{"beams", "num_beams", [](O& o, const Json& v) { o.beams = to_count(v); }},
    Row{"n_best", "num_return_sequences", [](O& o, const Json& v) { o.n_best = to_count(v); }},
    Row{"length_penalty", "length_penalty",
        [](O& o, const Json& v) { o.length_penalty = v.as_number(); }},
    Row{"early_stopping", "early_stopping",
        [](O& o, const Json& v) { o.early_stopping = to_early_stopping(v); }},
    Row{"max_new_tokens", "max_new_tokens",
        [](O& o, const Json& v) { o.max_new_tokens = to_count(v); }},
    Row{"min_new_tokens", "min_new_tokens",
        [](O& o, const Json& v) { o.min_new_tokens = to_count(v); }},
    Row{"max_length", "max_length", [](O& o, const Json& v) { o.max_length = to_count(v); }},
    Row{"min_length", "min_length", [](O& o, const Json& v) { o.min_length = to_count(v); }},
    Row{"sample", "do_sample", [](O& o, const Json& v) { o.sample = v.as_bool(); }},
    Row{"temperature", "temperature", [](O& o, const Json& v) { o.temperature = v.as_number(); }},
    Row{"top_h", "top_h", [](O& o, const Json& v) { o.top_h = v.as_number(); }},
    Row{"top_k", "top_k", [](O& o, const Json& v) { o.top_k = to_count(v); }},
    Row{"top_p", "top_p", [](O& o, const Json& v) { o.top_p = v.as_number(); }},
    Row{"min_p", "min_p", [](O& o, const Json& v) { o.min_p = v.as_number(); }},
    Row{"typical_p", "typical_p", [](O& o, const Json& v) { o.typical_p = v.as_number(); }},
    Row{"epsilon_cutoff", "epsilon_cutoff",
        [](O& o, const Json& v) { o.epsilon_cutoff = v.as_number(); }},
    Row{"eta_cutoff", "eta_cutoff", [](O& o, const Json& v) { o.eta_cutoff = v.as_number(); }},
    Row{"repetition_penalty", "repetition_penalty",
        [](O& o, const Json& v) { o.repetition_penalty = v.as_number(); }},
    Row{"encoder_repetition_penalty", "encoder_repetition_penalty",
        [](O& o, const Json& v) { o.encoder_repetition_penalty = v.as_number(); }},
    Row{"no_repeat_ngram", "no_repeat_ngram_size",
        [](O& o, const Json& v) { o.no_repeat_ngram = to_count(v); }},
    Row{"encoder_no_repeat_ngram", "encoder_no_repeat_ngram_size",
        [](O& o, const Json& v) { o.encoder_no_repeat_ngram = to_count(v); }},
    Row{"sequence_bias", "sequence_bias",
        [](O& o, const Json& v) { o.sequence_bias = to_sequence_bias(v); }},
    Row{"bad_words", "bad_words_ids", [](O& o, const Json& v) { o.bad_words = to_token_lists(v); }},
    Row{"suppress_tokens", "suppress_tokens",
        [](O& o, const Json& v) { o.suppress_tokens = to_tokens(v); }},
    Row{"begin_suppress_tokens", "begin_suppress_tokens",
        [](O& o, const Json& v) { o.begin_suppress_tokens = to_tokens(v); }},
    Row{"forced_bos", "forced_bos_token_id",
        [](O& o, const Json& v) { o.forced_bos = to_token(v); }},
    Row{"forced_eos", "forced_eos_token_id",
        [](O& o, const Json& v) { o.forced_eos = to_token_or_tokens(v); }},
    Row{"length_decay", "exponential_decay_length_penalty",
        [](O& o, const Json& v) { o.length_decay = to_length_decay(v); }},
    Row{"remove_invalid_values", "remove_invalid_values",
        [](O& o, const Json& v) { o.remove_invalid_values = v.as_bool(); }},
    Row{"renormalize_logits", "renormalize_logits",
        [](O& o, const Json& v) { o.renormalize_logits = v.as_bool(); }},
    Row{"", "eos_token_id", [](O& o, const Json& v) { o.eos = to_token_or_tokens(v); }},
    Row{"", "pad_token_id", [](O& o, const Json& v) { o.pad = to_token(v); }},
    Row{"", "bos_token_id", [](O& o, const Json& v) { o.bos = to_token(v); }},
    Row{"", "decoder_start_token_id", [](O& o, const Json& v) { o.decoder_start = to_token(v); }},
    Row{"seed", "", [](O& o, const Json& v) { o.seed = to_seed(v); }},
    Row{"vocabulary", "", [](O& o, const Json& v) { o.vocabulary = to_vocabulary(v); }},
    Row{"speculate", "", [](O& o, const Json& v) { o.speculate = to_count(v); }},
    Row{"logprobs", "", [](O& o, const Json& v) { o.logprobs = v.as_bool(); }},
};

// Keys that change the output in ways not followed here, and the values that mean "off".
bool is_off(std::string_view key, const Json& value) {
  if (key == "num_beam_groups" || key == "guidance_scale") return value.as_number() == 1;
  if (key == "penalty_alpha" || key == "diversity_penalty") return value.as_number() == 0;
  if (key == "use_mtp" || key == "token_healing" || key == "low_memory") return !value.as_bool();
  return false;
}

constexpr std::array kUnsupported = {
    "num_beam_groups",      "diversity_penalty", "penalty_alpha",
    "dola_layers",          "constraints",       "force_words_ids",
    "guidance_scale",       "stop_strings",      "max_time",
    "watermarking_config",  "use_mtp",           "prompt_lookup_num_tokens",
    "assistant_early_exit", "token_healing",     "low_memory",
};

std::string describe(const Json& value) {
  switch (value.kind()) {
    case Json::Kind::boolean:
      return value.as_bool() ? "true" : "false";
    case Json::Kind::integer:
    case Json::Kind::number:
      return fmt::format("{}", value.as_number());
    case Json::Kind::string:
      return fmt::format("\"{}\"", value.as_string());
    case Json::Kind::array:
      return "[…]";
    default:
      return "{…}";
  }
}

}  // namespace

std::vector<std::string> option_names(Spelling spelling) {
  std::vector<std::string> names;
  for (const Row& row : kRows)
    if (!row.name(spelling).empty()) names.emplace_back(row.name(spelling));
  return names;
}

bool set_option(GenerateOptions& options, std::string_view name, const Json& value,
                Spelling spelling) {
  const auto row = std::ranges::find_if(
      kRows, [&](const Row& one) { return !name.empty() && one.name(spelling) == name; });
  if (row != kRows.end()) {
    if (!value.is_null()) row->set(options, value);
    return true;
  }
  if (spelling == Spelling::own || std::ranges::find(kUnsupported, name) == kUnsupported.end())
    return false;
  check(value.is_null() || is_off(name, value), ErrorCode::unsupported, "{}: {} is not supported",
        name, [&] { return describe(value); });
  return true;
}

void set_options(GenerateOptions& options, const Json& object) {
  object.each_member([&](std::string_view key, const Json& value) {
    (void)set_option(options, key, value, Spelling::reference);
  });
}

GenerateOptions options_from_json(std::string_view config_json,
                                  std::string_view generation_config_json) {
  GenerateOptions options;
  if (!generation_config_json.empty()) {
    set_options(options,
                JsonDocument::parse(generation_config_json, "generation_config.json").root());
    return options;
  }
  if (config_json.empty()) return options;
  const JsonDocument document = JsonDocument::parse(config_json, "config.json");
  const Json root = document.root();
  if (const auto decoder = root.find("decoder"); decoder && decoder->is_object()) {
    set_options(options, *decoder);  // what the whole sets wins
  }
  set_options(options, root);
  if (root.get("force_bos_token_to_be_generated", false)) options.forced_bos = options.bos;
  return options;
}

}  // namespace transept
