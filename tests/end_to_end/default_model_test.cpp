// The model that is part of the program: what every verb does when no model is named.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/json.h"
#include "end_to_end/command.h"
#include "end_to_end/serve_testing.h"

namespace transept::testing {
namespace {

const std::string kStory = "The quick brown fox jumped over the lazy dog";

TEST(DefaultModel, IsSmallAndHasItsCard) {
  const std::filesystem::path folder = std::string(TRANSEPT_SOURCE) + "/models/default";
  std::uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) bytes += entry.file_size();
  EXPECT_GT(bytes, 8'000'000u);
  EXPECT_LE(bytes, 16'000'000u);
  const std::string card = read(folder / "README.md");
  EXPECT_NE(card.find("CC BY 2.0"), std::string::npos);
  EXPECT_NE(card.find("en-de     int8, beam 4"), std::string::npos) << "no scores";
}

// The worked example of the mission.
TEST(DefaultModel, ExpectsForAfterSummariseThisStory) {
  const Result result = transept({"explain", "--input", kStory, "--prompt", "Summarise this story",
                                  "--steps", "2", "--format", "jsonl"});
  ASSERT_EQ(result.code, 0) << result.err;
  std::vector<std::string> chosen;
  for (const std::string& line : lines(result.out)) {
    const JsonDocument step = JsonDocument::parse(line, "explain");
    if (step.root().at("step").as_int() != 4) continue;
    const Json best = step.root().at("top").elements()[0];
    chosen.emplace_back(best.at("piece").as_string());
    EXPECT_GT(best.at("probability").as_number(), 0.9) << chosen.back();
  }
  EXPECT_EQ(chosen, (std::vector<std::string>{"▁for", "▁me"}));
}

TEST(DefaultModel, AnswersManyPromptsFromOneMemory) {
  const std::string memory = scratch("default.memory");
  ASSERT_EQ(transept({"encode", "--input", "I am very tired.", "--output", memory}).code, 0);
  std::vector<std::string> answers;
  for (const char* prompt :
       {"Translate to German", "Translate to French", "Summarise this story for me"}) {
    const Result kept = transept({"generate", "--memory", memory, "--prompt", prompt, "--stats"});
    ASSERT_EQ(kept.code, 0) << kept.err;
    EXPECT_NE(kept.err.find("\"encoder_runs\":0,"), std::string::npos) << kept.err;
    const Result direct = transept({"generate", "--input", "I am very tired.", "--prompt", prompt});
    EXPECT_EQ(kept.out, direct.out);
    answers.push_back(kept.out);
  }
  EXPECT_NE(answers[0].find("müde"), std::string::npos) << answers[0];
  EXPECT_NE(answers[1].find("fatigué"), std::string::npos) << answers[1];
  EXPECT_NE(answers[2].find("tired"), std::string::npos) << answers[2];
}

TEST(DefaultModel, SaysTheSameOnEveryInstructionSet) {
  const std::vector<std::string> arguments = {"generate", "--input",  kStory, "--prompt",
                                              "German:",  "--beam",   "3",    "--n-best",
                                              "3",        "--format", "jsonl"};
  const Result plain =
      Command{.arguments = arguments, .environment = {{"TRANSEPT_ISA", "reference"}}}.run();
  ASSERT_EQ(plain.code, 0) << plain.err;
  EXPECT_EQ(transept(arguments).out, plain.out);
}

TEST(DefaultModel, SaysWhatItCanBeAsked) {
  const Result asked =
      transept({"generate", "--input", kStory, "--prompt", "Translate to Spanish"});
  EXPECT_EQ(asked.code, 2);
  EXPECT_NE(asked.err.find("\"Translate to French\""), std::string::npos) << asked.err;
  EXPECT_EQ(
      transept({"generate", "--input", kStory, "--prompt", "Translate to Spanish", "--any-prompt"})
          .code,
      0);
  EXPECT_EQ(transept({"generate", "--input", kStory, "--prompt", "German:"}).err, "");
  const auto say = [](const std::vector<std::string>& more) {
    std::vector<std::string> command = {"generate", "--input", kStory};
    command.insert(command.end(), more.begin(), more.end());
    const Result result = transept(command);
    EXPECT_EQ(result.err, "");
    return result.out;
  };
  EXPECT_EQ(say({}), say({"--prompt", "Summarise this story for me"}));
  EXPECT_EQ(say({"--prompt", "translate to GERMAN"}), say({"--prompt", "Translate to German"}));
  EXPECT_EQ(say({"--target-language", "de"}), say({"--prompt", "Translate to German"}));
  EXPECT_EQ(say({"--target-language", "FR", "--source-language", "en"}),
            say({"--prompt", "Translate to French"}));
  for (const char* wording : {"Auf Deutsch bitte", "En français s'il vous plaît", "Section",
                              "Which programming language is it written in?", "What is this about?",
                              "Summarise this story", "Summarize this story"})
    (void)say({"--prompt", wording});
  EXPECT_NE(transept({"inspect"}).out.find("Summarise this story for me, Translate to German"),
            std::string::npos);
}

TEST(DefaultModel, IsWhatTheServerServes) {
  const ServerProcess server({"--memory-folder", "none"});
  const HttpResult answer = http(server.port(), "POST", "/translate",
                                 R"({"q": "I am very tired.", "source": "en", "target": "de"})");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_NE(answer.body.find("müde"), std::string::npos) << answer.body;
  // Surfaces that know no prompts.
  const std::string summary =
      transept({"generate", "--input", kStory, "--prompt", "Summarise this story for me"}).out;
  const HttpResult completed =
      http(server.port(), "POST", "/v1/completions", R"({"prompt": ")" + kStory + R"("})");
  ASSERT_EQ(completed.status, 200) << completed.body;
  EXPECT_NE(completed.body.find(summary.substr(0, summary.size() - 1)), std::string::npos);
  const HttpResult french =
      http(server.port(), "POST", "/",
           R"({"inputs": "I am very tired.", "parameters": {"src_lang": "en", "tgt_lang": "fr"}})");
  ASSERT_EQ(french.status, 200) << french.body;
  EXPECT_NE(french.body.find("fatigué"), std::string::npos) << french.body;
  EXPECT_NE(http(server.port(), "GET", "/v1/models").body.find(R"("prompts":["Summarise this)"),
            std::string::npos);
}

}  // namespace
}  // namespace transept::testing
