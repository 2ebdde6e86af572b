// Every generation option through every door: the command, the C++ API, the native JSON and Hugging
// Face's JSON lead to the same options of the search.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "api/implementation.h"
#include "base/json.h"
#include "serve/api/native.h"

namespace transept {
namespace testing {

[[nodiscard]] api::GenerateOptions options_by_command(const std::vector<std::string>& words);

}  // namespace testing

namespace {

// Everything in them, one line.
std::string text_of(const GenerateOptions& o) {
  JsonWriter json;
  const auto number = [&](const char* name, const auto& value) { json.member(name, value); };
  const auto maybe = [&](const char* name, const auto& value) {
    if (value) json.member(name, *value);
  };
  const auto ids = [&](const std::vector<Token>& tokens) {
    json.begin_array();
    for (const Token token : tokens) json.value(token);
    json.end_array();
  };
  json.begin_object();
  number("beams", o.beams);
  number("n_best", o.n_best);
  number("length_penalty", o.length_penalty);
  json.member("early_stopping", name_of(o.early_stopping));
  maybe("max_new_tokens", o.max_new_tokens);
  maybe("min_new_tokens", o.min_new_tokens);
  maybe("max_length", o.max_length);
  number("min_length", o.min_length);
  number("sample", o.sample);
  number("temperature", o.temperature);
  maybe("top_h", o.top_h);
  number("top_k", o.top_k);
  number("top_p", o.top_p);
  maybe("min_p", o.min_p);
  number("typical_p", o.typical_p);
  number("epsilon_cutoff", o.epsilon_cutoff);
  number("eta_cutoff", o.eta_cutoff);
  number("seed", static_cast<std::int64_t>(o.seed));
  number("repetition_penalty", o.repetition_penalty);
  number("encoder_repetition_penalty", o.encoder_repetition_penalty);
  number("no_repeat_ngram", o.no_repeat_ngram);
  number("encoder_no_repeat_ngram", o.encoder_no_repeat_ngram);
  json.key("sequence_bias").begin_array();
  for (const SequenceBias& one : o.sequence_bias) {
    ids(one.tokens);
    json.value(static_cast<double>(one.bias));
  }
  json.end_array().key("bad_words").begin_array();
  for (const std::vector<Token>& words : o.bad_words) ids(words);
  json.end_array().key("suppress_tokens");
  ids(o.suppress_tokens);
  json.key("begin_suppress_tokens");
  ids(o.begin_suppress_tokens);
  maybe("forced_bos", o.forced_bos);
  json.key("forced_eos");
  ids(o.forced_eos);
  if (o.length_decay) number("start", o.length_decay->start);
  if (o.length_decay) number("factor", o.length_decay->factor);
  number("remove_invalid_values", o.remove_invalid_values);
  number("renormalize_logits", o.renormalize_logits);
  json.key("vocabulary");
  ids(o.vocabulary ? *o.vocabulary : std::vector<Token>());
  number("speculate", o.speculate);
  number("logprobs", o.logprobs);
  json.end_object();
  return json.take();
}

using Public = api::GenerateOptions;
struct Door {
  const char* name;  // as the native JSON has it
  const char* json;
  std::vector<std::string> command;  // none: the command has it from elsewhere
  std::function<void(Public&)> set;
};

const std::vector<Door> kDoors = {
    {"beams", "3", {"--beam", "3"}, [](Public& o) { o.beams = 3; }},
    {"n_best", "2", {"--n-best", "2"}, [](Public& o) { o.n_best = 2; }},
    {"length_penalty",
     "0.25",
     {"--length-penalty", "0.25"},
     [](Public& o) { o.length_penalty = 0.25; }},
    {"early_stopping",
     "\"never\"",
     {"--early-stopping", "never"},
     [](Public& o) { o.early_stopping = "never"; }},
    {"early_stopping",
     "true",
     {"--early-stopping", "true"},
     [](Public& o) { o.early_stopping = "true"; }},
    {"max_new_tokens", "31", {"--max-new-tokens", "31"}, [](Public& o) { o.max_new_tokens = 31; }},
    {"min_new_tokens", "7", {"--min-new-tokens", "7"}, [](Public& o) { o.min_new_tokens = 7; }},
    {"max_length", "33", {"--max-length", "33"}, [](Public& o) { o.max_length = 33; }},
    {"min_length", "5", {"--min-length", "5"}, [](Public& o) { o.min_length = 5; }},
    {"sample", "true", {"--sample"}, [](Public& o) { o.sample = true; }},
    {"temperature", "0.75", {"--temperature", "0.75"}, [](Public& o) { o.temperature = 0.75; }},
    {"top_h", "0.5", {"--top-h", "0.5"}, [](Public& o) { o.top_h = 0.5; }},
    {"top_k", "11", {"--top-k", "11"}, [](Public& o) { o.top_k = 11; }},
    {"top_p", "0.625", {"--top-p", "0.625"}, [](Public& o) { o.top_p = 0.625; }},
    {"min_p", "0.125", {"--min-p", "0.125"}, [](Public& o) { o.min_p = 0.125; }},
    {"typical_p", "0.875", {"--typical-p", "0.875"}, [](Public& o) { o.typical_p = 0.875; }},
    {"epsilon_cutoff",
     "0.25",
     {"--epsilon-cutoff", "0.25"},
     [](Public& o) { o.epsilon_cutoff = 0.25; }},
    {"eta_cutoff", "0.5", {"--eta-cutoff", "0.5"}, [](Public& o) { o.eta_cutoff = 0.5; }},
    {"seed", "42", {"--seed", "42"}, [](Public& o) { o.seed = 42; }},
    {"repetition_penalty",
     "1.5",
     {"--repetition-penalty", "1.5"},
     [](Public& o) { o.repetition_penalty = 1.5; }},
    {"encoder_repetition_penalty",
     "1.25",
     {"--encoder-repetition-penalty", "1.25"},
     [](Public& o) { o.encoder_repetition_penalty = 1.25; }},
    {"no_repeat_ngram", "3", {"--no-repeat-ngram", "3"}, [](Public& o) { o.no_repeat_ngram = 3; }},
    {"encoder_no_repeat_ngram",
     "4",
     {"--encoder-no-repeat-ngram", "4"},
     [](Public& o) { o.encoder_no_repeat_ngram = 4; }},
    {"sequence_bias",
     "[[[5, 8], -1.5], [[7], 2]]",
     {"--sequence-bias", "5 8:-1.5,7:2"},
     [](Public& o) {
       o.sequence_bias = {{{{5, 8}, -1.5}, {{7}, 2}}};
     }},
    {"bad_words",
     "[[5, 8], [7]]",
     {"--bad-words", "5 8,7"},
     [](Public& o) {
       o.bad_words = {{{5, 8}, {7}}};
     }},
    {"suppress_tokens",
     "[5, 8]",
     {"--suppress-tokens", "5 8"},
     [](Public& o) {
       o.suppress_tokens = {{5, 8}};
     }},
    {"begin_suppress_tokens",
     "[9]",
     {"--suppress-first", "9"},
     [](Public& o) { o.begin_suppress_tokens = {{9}}; }},
    {"forced_bos", "6", {"--forced-bos", "6"}, [](Public& o) { o.forced_bos = 6; }},
    {"forced_eos",
     "[2, 3]",
     {"--forced-eos", "2 3"},
     [](Public& o) {
       o.forced_eos = {{2, 3}};
     }},
    {"length_decay",
     "[4, 1.5]",
     {"--length-decay", "4:1.5"},
     [](Public& o) {
       o.length_decay = {4, 1.5};
     }},
    {"remove_invalid_values",
     "true",
     {"--remove-invalid-values"},
     [](Public& o) { o.remove_invalid_values = true; }},
    {"renormalize_logits",
     "true",
     {"--renormalize-logits"},
     [](Public& o) { o.renormalize_logits = true; }},
    {"vocabulary",
     "[8, 5]",
     {},
     [](Public& o) {
       o.vocabulary = {8, 5};
     }},  // --vocab FILE
    {"speculate", "2", {"--speculate", "2"}, [](Public& o) { o.speculate = 2; }},
    {"logprobs", "false", {}, [](Public& o) { o.logprobs = false; }},  // as --format needs them
};

JsonDocument object(const std::string& name, const char* value) {
  return JsonDocument::parse("{\"" + name + "\": " + value + "}", "options");
}

std::string by_command(const std::vector<std::string>& words) {
  return text_of(api::laid_over({}, testing::options_by_command(words)));
}

TEST(Doors, AllLeadToTheSameOptions) {
  const std::vector<std::string> own = option_names(Spelling::own);
  for (const std::string& name : own)
    EXPECT_TRUE(std::ranges::any_of(kDoors, [&](const Door& d) { return d.name == name; })) << name;
  for (const Door& door : kDoors) {
    Public asked;
    door.set(asked);
    const std::string right = text_of(api::laid_over({}, asked));
    EXPECT_NE(right, text_of({})) << door.name << ": not another value than without it";
    GenerateOptions native;
    serve::set_search(native, object(door.name, door.json).root());
    EXPECT_EQ(text_of(native), right) << door.name;
    if (!door.command.empty()) {
      EXPECT_EQ(by_command(door.command), right) << door.name;
    }
  }
}

TEST(Doors, TakeTheReferencesNamesInTheSameOrder) {
  // The rows of one table: each own name beside the reference's.
  const std::vector<std::pair<std::string, std::string>> names = {
      {"beams", "num_beams"},
      {"n_best", "num_return_sequences"},
      {"sample", "do_sample"},
      {"no_repeat_ngram", "no_repeat_ngram_size"},
      {"encoder_no_repeat_ngram", "encoder_no_repeat_ngram_size"},
      {"bad_words", "bad_words_ids"},
      {"forced_bos", "forced_bos_token_id"},
      {"forced_eos", "forced_eos_token_id"},
      {"length_decay", "exponential_decay_length_penalty"}};
  for (const Door& door : kDoors) {
    const std::string name = door.name;
    if (name == "seed" || name == "vocabulary" || name == "speculate" || name == "logprobs")
      continue;  // the reference has none
    const auto other = std::ranges::find_if(names, [&](const auto& n) { return n.first == name; });
    const std::string reference = other == names.end() ? name : other->second;
    Public asked;
    door.set(asked);
    GenerateOptions found;
    set_options(found, object(reference, door.json).root());
    EXPECT_EQ(text_of(found), text_of(api::laid_over({}, asked))) << reference;
  }
}

}  // namespace
}  // namespace transept
