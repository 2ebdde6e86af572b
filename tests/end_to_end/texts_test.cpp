// Texts as people have them: one rule for every verb and surface.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <thread>

#include "end_to_end/serve_testing.h"

namespace transept::testing {
namespace {

const std::string kText = model("tiny-t5-text");
const std::string kLines = "The dog sleeps\nOne two three\nThe house\n";

std::string with_returns(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '\n' ? "\r\n" : std::string(1, c);
  return out;
}

std::string file_of(const std::string& text) {
  static int n = 0;
  const std::string path = scratch("text" + std::to_string(++n));
  write(path, text);
  return path;
}

// As many positions as tests/fixtures/models/bart: ids are enough for these.
std::vector<std::string> many_ids(size_t n) {
  std::string ids;
  for (size_t i = 0; i < n; ++i) ids += "7 ";
  return {ids + "2"};
}

TEST(Texts, AreTheSameWithWindowsLineEndsAndAMark) {
  const std::vector<std::vector<std::string>> verbs = {
      {"tokenize", kText},
      {"generate", kText, "--format", "jsonl", "--quiet"},
      {"score", kText, "--target", "x"}};
  for (std::vector<std::string> verb : verbs) {
    const Result plain = transept(verb, kLines);
    ASSERT_EQ(plain.code, 0) << plain.err;
    EXPECT_EQ(transept(verb, with_returns(kLines)).out, plain.out) << verb[0];
    EXPECT_EQ(transept(verb, "\xEF\xBB\xBF" + kLines).out, plain.out) << verb[0];
    verb.insert(verb.end(), {"--input-file", file_of("\xEF\xBB\xBF" + with_returns(kLines))});
    EXPECT_EQ(transept(verb).out, plain.out) << verb[0];
  }
  // A document: line feeds stay, returns before them go.
  for (const std::string verb : {"encode", "explain"}) {
    const auto read = [&](const std::string& text) {
      const std::string out = scratch("out");
      const Result result = transept({verb, kText, "--input-file", file_of(text), "--output", out});
      EXPECT_EQ(result.code, 0) << result.err;
      return testing::read(out);
    };
    EXPECT_EQ(read("\xEF\xBB\xBF" + with_returns(kLines)), read(kLines)) << verb;
  }
  const Result kept = transept({"tokenize", kText, "--keep-cr", "--pieces"}, "dog\r\n");
  EXPECT_NE(kept.out, transept({"tokenize", kText, "--pieces"}, "dog\r\n").out);
}

TEST(Texts, ComeFromPipesToo) {
  const std::string pipe = scratch("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&] { write(pipe, kLines); });
  const Result result = transept({"tokenize", kText, "--input-file", pipe});
  writer.join();
  EXPECT_EQ(result.out, transept({"tokenize", kText}, kLines).out);
}

TEST(Texts, ThatAreBlankAreAnsweredBlank) {
  const std::string text = "The dog sleeps\n\n  \n\t\n\xC2\xA0\nThe house\n";
  const std::vector<std::string> alone =
      lines(transept({"generate", kText}, "The dog sleeps\nThe house\n").out);
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{}, {"--beam", "2"}, {"--stream"}}) {
    std::vector<std::string> command = {"generate", kText};
    command.insert(command.end(), more.begin(), more.end());
    const std::vector<std::string> got = lines(transept(command, text).out);
    ASSERT_EQ(got.size(), 6U);
    for (size_t i = 1; i < 5; ++i) EXPECT_EQ(got[i], "");
    if (more.empty()) {
      EXPECT_EQ((std::vector{got[0], got[5]}), alone);
    }
  }
  const Result json = transept({"generate", kText, "--format", "jsonl"}, "\n");
  EXPECT_EQ(json.out,
            "{\"input\":0,\"rank\":0,\"text\":\"\",\"ids\":[],\"score\":0,\"logprob\":0,"
            "\"finish\":\"eos\"}\n");
  const Result asked =
      transept({"generate", kText, "--format", "jsonl", "--blank", "generate"}, "\n");
  EXPECT_EQ(asked.out.find("\"ids\":[]"), std::string::npos) << asked.out;
  // These take it as it is.
  EXPECT_EQ(transept({"tokenize", kText}, "\n").out, "1\n");
  EXPECT_EQ(transept({"score", kText, "--target", "x"}, "\n").code, 0);
}

TEST(Texts, ThatAreTooLongAreAnErrorOrWhatIsAskedFor) {
  const std::string bart = model("bart");
  const std::string text = "5 8 2\n" + many_ids(60)[0] + "\n7 7 2\n";
  const std::vector<std::string> base = {"generate",         bart, "--source-ids", "--beam", "1",
                                         "--max-new-tokens", "4"};
  const std::vector<std::string> alone = lines(transept(base, "5 8 2\n7 7 2\n").out);
  const Result error = transept(base, text);
  EXPECT_EQ(error.code, 1);
  EXPECT_EQ(lines(error.out).size(), 1U);
  EXPECT_NE(error.err.find("line 2"), std::string::npos);
  for (const std::string how : {"skip", "split", "cut"}) {
    std::vector<std::string> command = base;
    command.insert(command.end(), {"--too-long", how});
    const Result result = transept(command, text);
    EXPECT_EQ(result.code, 0) << result.err;
    const std::vector<std::string> got = lines(result.out);
    ASSERT_EQ(got.size(), 3U) << how;
    EXPECT_EQ((std::vector{got[0], got[2]}), alone) << how;
    EXPECT_EQ(got[1].empty(), how == "skip");
    EXPECT_EQ(lines(result.err).size(), 2U) << result.err;
    EXPECT_NE(result.err.find("line 2"), std::string::npos);
    EXPECT_NE(result.err.find("1 of 3"), std::string::npos);
  }
}

TEST(Texts, ThatAreTooLongAreJoinedInMemoriesAndLeftOutOfScores) {
  const std::string bart = model("bart");
  const std::string ids = many_ids(60)[0];
  const std::string memory = scratch("joined_texts");
  EXPECT_EQ(transept({"encode", bart, "--source-ids", ids, "--output", memory}).code, 1);
  const Result joined =
      transept({"encode", bart, "--source-ids", ids, "--too-long", "split", "--output", memory});
  EXPECT_EQ(joined.code, 0) << joined.err;
  EXPECT_NE(joined.err.find("61 rows"), std::string::npos) << joined.err;
  const Result score = transept({"score", bart, "--source-ids", "--target-ids", "5 8 2",
                                 "--too-long", "skip", "--format", "jsonl"},
                                ids + "\n5 8 2\n");
  EXPECT_EQ(score.code, 0) << score.err;
  ASSERT_EQ(lines(score.out).size(), 2U);
  EXPECT_EQ(lines(score.out)[0], "{\"input\":0,\"logprob\":null,\"tokens\":[]}");
}

// 100 MB on one line are refused before they are tokenized.
TEST(Texts, OfAnyLengthAreRefusedInLittleMemory) {
  const Result result = Command{.arguments = {"generate", "--stats"},
                                .input = std::string(size_t{32} << 20, 'a') + "\n"}
                            .run();
  EXPECT_EQ(result.code, 1) << result.err;
  EXPECT_NE(result.err.find("line 1"), std::string::npos);
}

TEST(Texts, OverHttpKeepBlanksAndLineBreaks) {
  const ServerProcess server({kText, "--memory-folder", "none", "--translate", "en:de"});
  const auto post = [&](const std::string& path, const std::string& body) {
    const HttpResult result = http(server.port(), "POST", path, body);
    EXPECT_EQ(result.status, 200) << result.body;
    return result.body;
  };
  const auto translated = [&](const std::string& q) {
    const std::string body =
        post("/translate", R"({"q": ")" + q + R"(", "source": "en", "target": "de"})");
    return std::string(JsonDocument::parse(body, "answer").root().at("translatedText").as_string());
  };
  const std::string dog = translated("The dog sleeps");
  const std::string house = translated("The house");
  EXPECT_EQ(translated(""), "");
  EXPECT_EQ(translated(" \\n"), " \n");
  EXPECT_EQ(translated("The dog sleeps\\r\\n\\r\\n \\nThe house\\n"),
            dog + "\r\n\r\n \n" + house + "\n");
  EXPECT_NE(post("/v2/translate",
                 R"({"text": ["", "The dog sleeps"], "target_lang": "DE", "source_lang": "EN"})")
                .find("\"text\":\"\""),
            std::string::npos);
  EXPECT_NE(post("/v1/generate", R"({"input": " "})")
                .find(R"("text":"","ids":[],"score":0,"logprob":0,"finish":"eos")"),
            std::string::npos);
  EXPECT_NE(post("/v1/completions", R"({"prompt": ""})").find("\"text\":\"\""), std::string::npos);
  EXPECT_NE(post("/generate", R"({"inputs": "\t"})").find("\"generated_text\":\"\""),
            std::string::npos);
}

TEST(Texts, CutAtALengthThatNobodyGaveAreRemarkedOnOnce) {
  const std::string folder = scratch("no_length");
  EXPECT_EQ(
      std::system(("cp -r " + kText + " " + folder + " && rm " + folder + "/generation_config.json")
                      .c_str()),
      0);
  const auto remarks = [&](const std::vector<std::string>& more) {
    std::vector<std::string> command = {"generate", folder, "--format", "jsonl"};
    command.insert(command.end(), more.begin(), more.end());
    const Result result = transept(command, kLines);
    EXPECT_NE(result.out.find("\"length\""), std::string::npos);
    return lines(result.err).size();
  };
  EXPECT_EQ(remarks({}), 1U);
  EXPECT_EQ(remarks({"--quiet"}), 0U);
  EXPECT_EQ(remarks({"--max-new-tokens", "20"}), 0U);
}

}  // namespace
}  // namespace transept::testing
