#include "generate/options.h"

#include <gtest/gtest.h>

#include "generate/toy_testing.h"

namespace transept::testing {
namespace {

GenerateOptions from(std::string_view json) {
  return options_from_json("", json);
}

template <class F>
ErrorCode code_of(F&& f, std::string* message = nullptr) {
  try {
    f();
  } catch (const Error& error) {
    if (message != nullptr) *message = error.what();
    return error.code();
  }
  ADD_FAILURE() << "no Error";
  return ErrorCode::internal;
}

TEST(Options, GenerationConfigAloneCountsWhereItExists) {
  const auto options = options_from_json(R"({"num_beams": 4, "eos_token_id": 3})",
                                         R"({"max_length": 9, "eos_token_id": [1, 2]})");
  EXPECT_EQ(options.beams, 1);
  EXPECT_EQ(options.max_length, 9);
  EXPECT_EQ(options.eos, (std::vector<Token>{1, 2}));
}

TEST(Options, LegacyKeysComeFromConfig) {
  const auto options = options_from_json(
      R"({"num_beams": 4, "early_stopping": true, "forced_eos_token_id": 2, "bos_token_id": 0,
          "bad_words_ids": [[7]], "force_bos_token_to_be_generated": true, "d_model": 8,
          "eos_token_id": 2, "num_beam_groups": 1, "max_length": null})",
      "");
  EXPECT_EQ(options.beams, 4);
  EXPECT_EQ(options.early_stopping, EarlyStopping::yes);
  EXPECT_EQ(options.forced_eos, (std::vector<Token>{2}));
  EXPECT_EQ(options.forced_bos, 0);
  EXPECT_EQ(options.bad_words, (std::vector<std::vector<Token>>{{7}}));
  EXPECT_FALSE(options.max_length.has_value());
}

TEST(Options, TheDecodersKeysCountWhereTheWholeSetsNone) {
  const auto options = options_from_json(
      R"({"decoder": {"num_beams": 3, "eos_token_id": 5}, "encoder": {"num_beams": 7},
          "eos_token_id": 6})",
      "");
  EXPECT_EQ(options.beams, 3);
  EXPECT_EQ(options.eos, (std::vector<Token>{6}));
}

TEST(Options, EveryKeyIsRead) {
  const auto o = from(
      R"({"num_beams": 5, "num_return_sequences": 2, "length_penalty": 0.6, "early_stopping":
      "never", "max_new_tokens": 7, "min_new_tokens": 2, "max_length": 30, "min_length": 3,
      "do_sample": true, "temperature": 0.5, "top_h": 0.4, "top_k": 0, "top_p": 0.9, "min_p": 0.1,
      "typical_p": 0.8, "epsilon_cutoff": 0.01, "eta_cutoff": 0.02, "repetition_penalty": 1.5,
      "encoder_repetition_penalty": 2, "no_repeat_ngram_size": 3, "encoder_no_repeat_ngram_size": 4,
      "sequence_bias": [[[1, 2], -3.5]], "suppress_tokens": [1], "begin_suppress_tokens": [2],
      "forced_eos_token_id": [3, 4], "exponential_decay_length_penalty": [5, 1.5],
      "remove_invalid_values": true, "renormalize_logits": true, "pad_token_id": 8,
      "decoder_start_token_id": 9, "some_custom_entry": {"a": 1}})");
  EXPECT_EQ(o.beams, 5);
  EXPECT_EQ(o.n_best, 2);
  EXPECT_EQ(o.length_penalty, 0.6);
  EXPECT_EQ(o.early_stopping, EarlyStopping::never);
  EXPECT_EQ(o.max_new_tokens, 7);
  EXPECT_EQ(o.min_new_tokens, 2);
  EXPECT_EQ(o.min_length, 3);
  EXPECT_TRUE(o.sample);
  EXPECT_EQ(o.temperature, 0.5);
  EXPECT_EQ(o.top_h, 0.4);
  EXPECT_EQ(o.top_k, 0);
  EXPECT_EQ(o.top_p, 0.9);
  EXPECT_EQ(o.min_p, 0.1);
  EXPECT_EQ(o.typical_p, 0.8);
  EXPECT_EQ(o.epsilon_cutoff, 0.01);
  EXPECT_EQ(o.eta_cutoff, 0.02);
  EXPECT_EQ(o.repetition_penalty, 1.5);
  EXPECT_EQ(o.encoder_repetition_penalty, 2);
  EXPECT_EQ(o.no_repeat_ngram, 3);
  EXPECT_EQ(o.encoder_no_repeat_ngram, 4);
  ASSERT_EQ(o.sequence_bias.size(), 1U);
  EXPECT_EQ(o.sequence_bias[0].bias, -3.5F);
  EXPECT_EQ(o.suppress_tokens, (std::vector<Token>{1}));
  EXPECT_EQ(o.begin_suppress_tokens, (std::vector<Token>{2}));
  EXPECT_EQ(o.forced_eos, (std::vector<Token>{3, 4}));
  ASSERT_TRUE(o.length_decay.has_value());
  EXPECT_EQ(o.length_decay->start, 5);
  EXPECT_TRUE(o.remove_invalid_values && o.renormalize_logits);
  EXPECT_EQ(o.pad, 8);
  EXPECT_EQ(o.decoder_start, 9);
}

TEST(Options, WhatCannotBeFollowedIsNamed) {
  std::string message;
  EXPECT_EQ(code_of([] { (void)from(R"({"num_beam_groups": 2})"); }, &message),
            ErrorCode::unsupported);
  EXPECT_NE(message.find("num_beam_groups: 2"), std::string::npos) << message;
  for (const char* json : {R"({"penalty_alpha": 0.6})", R"({"dola_layers": "high"})",
                           R"({"guidance_scale": 1.5})", R"({"force_words_ids": [[1]]})",
                           R"({"stop_strings": ["."]})", R"({"prompt_lookup_num_tokens": 3})"}) {
    EXPECT_EQ(code_of([&] { (void)from(json); }), ErrorCode::unsupported) << json;
  }
  for (const char* json : {R"({"num_beam_groups": 1, "diversity_penalty": 0.0})",
                           R"({"guidance_scale": 1, "low_memory": false})",
                           R"({"constraints": null, "use_cache": false})"}) {
    EXPECT_NO_THROW((void)from(json)) << json;
  }
}

TEST(Options, WrongTypesAreNamed) {
  std::string message;
  EXPECT_EQ(code_of([] { (void)from(R"({"num_beams": "four"})"); }, &message), ErrorCode::bad_data);
  EXPECT_NE(message.find("num_beams"), std::string::npos) << message;
  for (const char* json :
       {R"({"early_stopping": "maybe"})", R"({"eos_token_id": -3})", R"({"bad_words_ids": [1]})",
        R"([])", R"({"top_k": 1.5})", R"({"exponential_decay_length_penalty": [1]})", "{"}) {
    EXPECT_EQ(code_of([&] { (void)from(json); }), ErrorCode::bad_data) << json;
  }
}

TEST(Options, ValuesThatMakeNoSenseAreUsageErrors) {
  const Config config = toy_config(10);
  for (const char* json :
       {R"({"num_beams": 0})", R"({"num_return_sequences": 2})", R"({"max_new_tokens": 0})",
        R"({"temperature": 0})", R"({"top_p": 1.5})", R"({"min_p": -0.1})", R"({"typical_p": 0})",
        R"({"repetition_penalty": 0})", R"({"encoder_repetition_penalty": -1})",
        R"({"eos_token_id": 10})", R"({"suppress_tokens": [11]})", R"({"bad_words_ids": [[]]})",
        R"({"forced_bos_token_id": 3, "suppress_tokens": [3]})", R"({"eta_cutoff": 1})",
        R"({"exponential_decay_length_penalty": [1, 1.1]})", R"({"top_h": 0})"}) {
    EXPECT_EQ(code_of([&] { check_options(from(json), config); }), ErrorCode::usage) << json;
  }
  EXPECT_EQ(code_of([&] { check_options(from(R"({"num_beams":2,"do_sample":true})"), config); }),
            ErrorCode::unsupported);
}

TEST(Options, LengthLimits) {
  Config config = toy_config(10);
  EXPECT_EQ(length_limit({}, config, 3), 3 + GenerateOptions::kDefaultMaxNewTokens);
  EXPECT_EQ(length_limit(from(R"({"max_new_tokens": 5, "max_length": 2})"), config, 3), 8);
  EXPECT_EQ(length_limit(from(R"({"max_length": 7})"), config, 3), 7);
  EXPECT_EQ(code_of([&] { (void)length_limit(from(R"({"max_length": 3})"), config, 3); }),
            ErrorCode::limit);
  config.decoder.max_positions = 6;  // the last token is chosen but not fed
  EXPECT_EQ(length_limit({}, config, 3), 7);
  EXPECT_EQ(length_limit(from(R"({"max_new_tokens": 50})"), config, 6), 7);
  EXPECT_EQ(code_of([&] { (void)length_limit({}, config, 7); }), ErrorCode::limit);
}

TEST(Options, TheDecoderBeginsWithTheStartTokenOnce) {
  Config config = toy_config(10);
  config.encoder.layers = 1;
  config.decoder_start = 4;
  const auto options = from(R"({"bos_token_id": 2, "decoder_start_token_id": 3})");
  EXPECT_EQ(decoder_prompt(options, config, {}), (std::vector<Token>{3}));
  EXPECT_EQ(decoder_prompt(options, config, {5, 6}), (std::vector<Token>{3, 5, 6}));
  EXPECT_EQ(decoder_prompt(options, config, {3, 6}), (std::vector<Token>{3, 6}));
  EXPECT_EQ(decoder_prompt(from(R"({"bos_token_id": 2})"), config, {}), (std::vector<Token>{2}));
  EXPECT_EQ(decoder_prompt({}, config, {}), (std::vector<Token>{4}));
  config.encoder.layers = 0;
  EXPECT_EQ(decoder_prompt(options, config, {}), (std::vector<Token>{2}));
  EXPECT_EQ(decoder_prompt(options, config, {5}), (std::vector<Token>{5}));
  EXPECT_EQ(code_of([&] { (void)decoder_prompt(options, config, {10}); }), ErrorCode::usage);
}

}  // namespace
}  // namespace transept::testing
