// What is typed and would have no effect is an error; in the environment, which is for every
// command, it is not.
#include <gtest/gtest.h>

#include "end_to_end/command.h"

namespace transept::testing {
namespace {

const std::string kText = model("tiny-t5-text");

Result generate(const std::vector<std::string>& more,
                const std::map<std::string, std::string>& environment = {}) {
  std::vector<std::string> command = {"generate", kText, "--input", "The dog sleeps"};
  command.insert(command.end(), more.begin(), more.end());
  return Command{.arguments = command, .environment = environment}.run();
}

TEST(Usage, RefusesWhatWouldChangeNothing) {
  const std::vector<std::vector<std::string>> useless = {
      {"--temperature", "0.7"},     {"--top-k", "5"},           {"--top-p", "0.5"},
      {"--min-p", "0.1"},           {"--typical-p", "0.5"},     {"--seed", "3"},
      {"--top-h", "0.5"},           {"--n-best", "2"},          {"--length-penalty", "2"},
      {"--early-stopping", "true"}, {"--shortlist-best", "5"},  {"--target-language", "de"},
      {"--source-language", "en"},  {"--normalize-punctuation"}};
  for (const std::vector<std::string>& words : useless) {
    const Result result = generate(words);
    EXPECT_EQ(result.code, 2) << words[0];
    EXPECT_EQ(result.out, "");
    EXPECT_EQ(lines(result.err).size(), 1U) << result.err;
    const std::string said = words[0].find("language") == std::string::npos
                                 ? words[0]
                                 : words[0].substr(2, 6) + " language";
    EXPECT_NE(result.err.find(said), std::string::npos) << result.err;
  }
  EXPECT_NE(generate({"--n-best", "2"}).err.find("--beam 2"), std::string::npos);
  EXPECT_EQ(generate({"--sample", "--seed", "3", "--temperature", "0.7"}).code, 0);
  EXPECT_EQ(generate({"--beam", "2", "--n-best", "2", "--length-penalty", "2"}).code, 0);
}

TEST(Usage, TakesTheEnvironmentAsItIs) {
  const std::string plain = generate({}).out;
  const Result result = generate({}, {{"TRANSEPT_TEMPERATURE", "0.7"},
                                      {"TRANSEPT_SEED", "3"},
                                      {"TRANSEPT_N_BEST", "4"},
                                      {"TRANSEPT_TARGET_LANGUAGE", "de"},
                                      {"TRANSEPT_SOURCE_LANGUAGE", "en"},
                                      {"TRANSEPT_LENGTH_PENALTY", "2"}});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, plain);
}

TEST(Usage, TakesOneValueOnce) {
  for (const std::vector<std::string>& twice :
       {std::vector<std::string>{"--beam", "1", "--beam", "2"},
        {"--input", "b"},
        {"--max-new-tokens", "3", "--max-new-tokens=3"},
        {"--format", "text", "--format", "jsonl"}}) {
    const Result result = generate(twice);
    EXPECT_EQ(result.code, 2) << twice[0];
    EXPECT_NE(result.err.find(twice[0] + " is given twice"), std::string::npos) << result.err;
  }
  EXPECT_EQ(lines(generate({"--prompt", "a", "--prompt", "b"}).out).size(), 2U);
  EXPECT_EQ(generate({"--quiet", "--quiet"}).code, 0);
}

TEST(Usage, NormalizesPunctuationIfAsked) {
  const std::string marian = std::string(TRANSEPT_FIXTURES) + "/tokenizers/spm/marian";
  const auto ids = [&](const std::string& text, const std::vector<std::string>& more) {
    std::vector<std::string> command = {"tokenize", marian, "--input", text};
    command.insert(command.end(), more.begin(), more.end());
    const Result result = transept(command);
    EXPECT_EQ(result.code, 0) << result.err;
    return result.out;
  };
  EXPECT_EQ(ids("the house ;the house", {"--normalize-punctuation"}),
            ids("the house;the house", {}));
  EXPECT_NE(ids("the house ;the house", {}), ids("the house;the house", {}));
}

// A folder's own settings are nobody's mistake.
TEST(Usage, TakesTheFolderAsItIs) {
  const std::string folder = scratch("folder");
  EXPECT_EQ(std::system(("cp -r " + kText + " " + folder).c_str()), 0);
  write(folder + "/generation_config.json",
        R"({"num_beams": 4, "num_return_sequences": 3, "temperature": 0.5, "max_new_tokens": 5,
            "eos_token_id": 1, "pad_token_id": 0, "decoder_start_token_id": 0})");
  const auto n_lines = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"generate", folder, "--input", "The dog sleeps"});
    const Result result = transept(more);
    EXPECT_EQ(result.code, 0) << result.err;
    return lines(result.out).size();
  };
  EXPECT_EQ(n_lines({}), 3U);
  EXPECT_EQ(n_lines({"--beam", "1"}), 1U);
  EXPECT_EQ(n_lines({"--beam", "2"}), 2U);
}

}  // namespace
}  // namespace transept::testing
