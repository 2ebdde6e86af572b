#include <gtest/gtest.h>

#include <cmath>
#include <iterator>
#include <set>
#include <sstream>

#include "base/json.h"
#include "end_to_end/command.h"

namespace transept::testing {
namespace {

const std::string kText = model("tiny-t5-text");

std::string ids_of(const Json& ids) {
  std::string text;
  for (const Json& id : ids.elements())
    text += (text.empty() ? "" : " ") + std::to_string(id.as_int());
  return text;
}

TEST(Generate, EqualsTheReferenceOnTexts) {
  const JsonDocument expected = JsonDocument::load(kText + "/expected.json");
  for (const Json& one : expected.root().elements()) {
    const std::string input(one.at("input").as_string());
    const std::string prompt(one.at("prompt").as_string());
    const Result text = transept({"generate", kText, "--input", input, "--prompt", prompt});
    EXPECT_EQ(text.code, 0) << text.err;
    EXPECT_EQ(text.out, std::string(one.at("text").as_string()) + "\n");
    EXPECT_EQ(text.err, "");
    const Result json =
        transept({"generate", kText, "--input", input, "--prompt", prompt, "--format", "jsonl"});
    const JsonDocument got = JsonDocument::parse(json.out, "stdout");
    EXPECT_EQ(ids_of(got.root().at("ids")), ids_of(one.at("ids")));
    EXPECT_EQ(got.root().at("text").as_string(), one.at("text").as_string());
    EXPECT_EQ(got.root().at("input").as_int(), 0);
    EXPECT_EQ(got.root().at("rank").as_int(), 0);
    EXPECT_LT(got.root().at("logprob").as_number(), 0);
    const bool ended = one.at("ids").elements().back().as_int() == 1;
    EXPECT_EQ(got.root().at("finish").as_string(), ended ? "eos" : "length");
  }
}

// Three pieces and the end mark; and a table that gives each source piece itself alone.
TEST(Generate, SaysOnlyWhatItMay) {
  const std::vector<std::string> pieces =
      lines(transept({"tokenize", kText, "--pieces"}, "the dog sleeps").out);
  std::string vocabulary;
  std::string table;
  std::string ids;
  std::istringstream words(pieces.front());
  for (std::string piece; words >> piece;) {
    vocabulary += piece + "\n";
    table += piece + " " + piece + " 0.5\n";
  }
  const std::string encoded = transept({"tokenize", kText}, "the dog sleeps").out;
  for (const char c : encoded) ids += c == ' ' ? '\n' : c;
  write(scratch("pieces"), vocabulary);
  write(scratch("ids"), ids);
  write(scratch("table"), table);
  write(scratch("wrong"), vocabulary + "no such piece\n");
  const std::set<std::string> allowed = [&] {
    std::istringstream numbers(encoded + " 1");
    return std::set<std::string>{std::istream_iterator<std::string>(numbers), {}};
  }();
  std::vector<std::string> answers;
  for (const auto& [flag, file] :
       {std::pair{"--vocab", "pieces"}, {"--vocab", "ids"}, {"--shortlist", "table"}}) {
    std::vector<std::string> command = {"generate", kText,   "--input", "the dog sleeps",
                                        "--format", "jsonl", flag,      scratch(file)};
    if (std::string(flag) == "--shortlist")
      command.insert(command.end(), {"--shortlist-first", "0"});
    const Result result = transept(command);
    ASSERT_EQ(result.code, 0) << result.err;
    const JsonDocument answer = JsonDocument::parse(result.out, "stdout");
    for (const Json& id : answer.root().at("ids").elements())
      EXPECT_TRUE(allowed.contains(std::to_string(id.as_int()))) << file << " " << id.as_int();
    answers.push_back(result.out);
  }
  EXPECT_EQ(answers[0], answers[1]);
  const Result wrong = transept({"generate", kText, "--input", "x", "--vocab", scratch("wrong")});
  EXPECT_EQ(wrong.code, 65);
  EXPECT_NE(wrong.err.find("\"no such piece\" is no piece"), std::string::npos) << wrong.err;
  const Result binary =
      transept({"generate", kText, "--input", "x", "--shortlist", kText + "/model.safetensors"});
  EXPECT_EQ(binary.code, 65) << binary.err;
}

TEST(Generate, KeepsTheOrderOfLinesWhateverTheBatch) {
  std::string input;
  std::string expected;
  for (int i = 0; i < 40; ++i) {
    std::string line = "the dog";
    for (int j = 0; j < i * 7 % 11; ++j) line += " sleeps " + std::to_string(j);
    input += line + "\n";
  }
  for (const std::string& line : lines(input))
    expected += transept({"generate", kText, "--input", line, "--format", "jsonl"}).out;
  for (const char* size : {"1", "3", "64"}) {
    const Result all =
        transept({"generate", kText, "--batch-size", size, "--format", "jsonl"}, input);
    EXPECT_EQ(all.code, 0) << all.err;
    const auto got = lines(all.out);
    const auto wanted = lines(expected);
    ASSERT_EQ(got.size(), wanted.size());
    for (size_t i = 0; i < got.size(); ++i)
      EXPECT_EQ(got[i], "{\"input\":" + std::to_string(i) + wanted[i].substr(wanted[i].find(',')));
  }
}

TEST(Generate, AnswersFromAMemoryWithoutTheEncoder) {
  const std::string memory = scratch("fox.memory");
  const std::string document = scratch("fox.txt");
  write(document, "The quick brown fox\njumped over the lazy dog\n");
  const Result encoded =
      transept({"encode", kText, "--input-file", document, "--output", memory, "--quiet"});
  ASSERT_EQ(encoded.code, 0) << encoded.err;
  EXPECT_EQ(encoded.out, "");
  const std::vector<std::string> options = {"--format", "jsonl", "--beam", "3", "--n-best", "3"};
  std::vector<std::string> direct = {"generate", kText, "--input",
                                     "The quick brown fox\njumped over the lazy dog", "--stats"};
  std::vector<std::string> kept = {"generate", kText, "--memory", memory, "--stats"};
  direct.insert(direct.end(), options.begin(), options.end());
  kept.insert(kept.end(), options.begin(), options.end());
  const Result a = transept(direct);
  const Result b = transept(kept);
  EXPECT_EQ(a.out, b.out);
  EXPECT_EQ(lines(a.out).size(), 3u);
  EXPECT_NE(a.err.find("\"encoder_runs\":1,"), std::string::npos) << a.err;
  EXPECT_NE(b.err.find("\"encoder_runs\":0,"), std::string::npos) << b.err;
}

TEST(Generate, JoinsSeveralMemoriesInAnyOrder) {
  const std::string fox = scratch("one.memory");
  const std::string dog = scratch("two.memory");
  const auto encode = [](const char* text, const std::string& file) {
    return transept({"encode", kText, "--input", text, "--output", file, "--quiet"}).code;
  };
  ASSERT_EQ(encode("The quick brown fox", fox), 0);
  ASSERT_EQ(encode("The dog sleeps", dog), 0);
  const auto ask = [](std::vector<std::string> files) {
    std::vector<std::string> words = {"generate", kText, "--format", "jsonl", "--stats"};
    for (std::string& file : files) words.insert(words.end(), {"--memory", std::move(file)});
    return transept(words);
  };
  const auto logprob = [&](const std::vector<std::string>& files) {
    const Result r = ask(files);
    EXPECT_EQ(r.code, 0) << r.err;
    EXPECT_NE(r.err.find("\"encoder_runs\":0,"), std::string::npos) << r.err;
    return JsonDocument::parse(r.out, "stdout").root().at("logprob").as_number();
  };
  const double both = logprob({fox, dog});
  EXPECT_NEAR(logprob({dog, fox}), both, 1e-4);  // sums are in another order
  EXPECT_GT(std::abs(logprob({fox}) - both), 1e-3);
  EXPECT_GT(std::abs(logprob({dog}) - both), 1e-3);
  EXPECT_EQ(ask({fox, scratch("none.memory")}).code, 66);
}

TEST(Generate, EncodesOnceForSeveralPrompts) {
  const Result two = transept(
      {"generate", kText, "--input", "The dog", "--prompt", "one", "--prompt", "two", "--stats"});
  ASSERT_EQ(two.code, 0) << two.err;
  EXPECT_EQ(lines(two.out).size(), 2u);
  const JsonDocument stats = JsonDocument::parse(two.err, "stderr");
  EXPECT_EQ(stats.root().at("encoder_runs").as_int(), 1);
  EXPECT_GT(stats.root().at("output_tokens").as_int(), 1);
  EXPECT_GT(stats.root().at("source_tokens").as_int(), 1);
  EXPECT_GT(stats.root().at("peak_bytes").as_int(), 100'000);
  for (const char* name : {"load_seconds", "encode_seconds", "decode_seconds"})
    EXPECT_GE(stats.root().at(name).as_number(), 0) << name;
}

TEST(Generate, StreamsTheSameTextAndWholeCharacters) {
  for (const char* input : {"日本語", "One two three", "The dog sleeps"}) {
    const Result whole = transept({"generate", kText, "--input", input});
    const Result streamed = transept({"generate", kText, "--input", input, "--stream"});
    EXPECT_EQ(streamed.code, 0) << streamed.err;
    EXPECT_EQ(streamed.out, whole.out);
  }
}

TEST(Generate, TakesIdsWhereThereIsNoTokenizer) {
  const Result text = transept({"generate", model("bart"), "--source-ids"}, "5 8 13 2\n7 7 2\n");
  EXPECT_EQ(text.code, 0) << text.err;
  ASSERT_EQ(lines(text.out).size(), 2u);
  EXPECT_EQ(lines(text.out)[0].find_first_not_of("0123456789 "), std::string::npos) << text.out;
  const Result carried = transept({"generate", model("bart"), "--source-ids", "5 8 13 2"});
  EXPECT_EQ(carried.out, lines(text.out)[0] + "\n");
  const Result prompted = transept({"generate", model("bart"), "--source-ids", "--input",
                                    "5 8 13 2", "--prompt-ids", "--prompt", "7 9"});
  EXPECT_EQ(prompted.code, 0) << prompted.err;
  const Result named = transept({"generate", model("bart"), "--input", "text"});
  EXPECT_EQ(named.code, 66);
  EXPECT_NE(named.err.find("--source-ids"), std::string::npos) << named.err;
}

TEST(Generate, SamplesTheSameForTheSameSeed) {
  const std::vector<std::string> base = {"generate", kText,      "--input", "The dog",
                                         "--sample", "--n-best", "4",       "--seed"};
  const auto with = [&](const char* seed) {
    auto arguments = base;
    arguments.emplace_back(seed);
    return transept(arguments).out;
  };
  EXPECT_EQ(with("5"), with("5"));
  EXPECT_NE(with("5"), with("6"));
}

TEST(Generate, AnswersWhatCameBeforeABadLine) {
  const Result r = transept({"generate", kText}, "The dog\n\xff\xfe\nThe fox\n");
  EXPECT_EQ(r.code, 65);
  EXPECT_EQ(lines(r.out).size(), 1u);
  EXPECT_EQ(lines(r.err).size(), 1u);
  EXPECT_NE(r.err.find("line 2"), std::string::npos) << r.err;
  EXPECT_EQ(transept({"generate", kText}, std::string("a\0b\n", 4)).code, 65);
}

TEST(Generate, FollowsTheTokenizerOnEmptyLinesIfAsked) {
  const Result t5 = transept({"generate", kText, "--blank", "generate"}, "\n");  // </s> is an input
  EXPECT_EQ(t5.code, 0) << t5.err;
  EXPECT_EQ(lines(t5.out).size(), 1u);
  const Result ids = transept({"generate", model("bart"), "--source-ids"}, "\n");
  EXPECT_EQ(ids.code, 65);
  EXPECT_NE(ids.err.find("line 1"), std::string::npos) << ids.err;
  EXPECT_EQ(transept({"generate", kText}, "").out, "");
}

TEST(Generate, NeverCutsALongInput) {
  std::string ids;
  for (int i = 0; i < 500; ++i) ids += "5 ";
  const Result r = transept({"generate", model("bart"), "--source-ids", "--input", ids});
  EXPECT_EQ(r.code, 1);
  EXPECT_EQ(lines(r.err).size(), 1u);
  EXPECT_NE(r.err.find("500 tokens"), std::string::npos) << r.err;
  EXPECT_EQ(r.out, "");
}

TEST(Generate, RefusesAnotherModelsMemory) {
  const std::string memory = scratch("other.memory");
  ASSERT_EQ(transept({"encode", model("bart"), "--source-ids", "--input", "5 8 2", "--output",
                      memory, "--quiet"})
                .code,
            0);
  const Result r = transept({"generate", kText, "--memory", memory});
  EXPECT_EQ(r.code, 65);
  EXPECT_EQ(lines(r.err).size(), 1u) << r.err;
  EXPECT_EQ(transept({"generate", kText, "--memory", scratch("none.memory")}).code, 66);
}

}  // namespace
}  // namespace transept::testing
