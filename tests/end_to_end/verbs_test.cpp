#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <set>

#include "base/json.h"
#include "end_to_end/command.h"

namespace transept::testing {
namespace {

const std::string kText = model("tiny-t5-text");
const std::string kInput = "The quick brown fox jumped over the lazy dog";
const std::string kPrompt = "Summarise this story for me";

// The worked example with the scalar kernels; TRANSEPT_UPDATE=1 writes the golden files anew.
Result explained(std::vector<std::string> more) {
  std::vector<std::string> arguments = {"explain",  kText,   "--input", kInput,
                                        "--prompt", kPrompt, "--steps", "3"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return Command{.arguments = arguments,
                 .environment = {{"TRANSEPT_ISA", "reference"}, {"COLUMNS", "100"}}}
      .run();
}

void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(TRANSEPT_FIXTURES) + "/explain/" + name;
  if (std::getenv("TRANSEPT_UPDATE") != nullptr) write(path, text);
  EXPECT_EQ(text, read(path)) << name;
}

TEST(Explain, TellsTheWorkedExample) {
  const Result text = explained({});
  ASSERT_EQ(text.code, 0) << text.err;
  expect_golden("tiny-t5-text.txt", text.out);
  EXPECT_EQ(text.out.find('\x1b'), std::string::npos);
  const Result colour = explained({"--color", "always"});
  EXPECT_NE(colour.out.find("\x1b[48;2;"), std::string::npos);
}

TEST(Explain, WritesJsonLinesWhoseRowsAddUpToOne) {
  const Result result = explained({"--format", "jsonl", "--layer", "0", "--head", "1"});
  ASSERT_EQ(result.code, 0) << result.err;
  const auto rows = lines(result.out);
  ASSERT_EQ(rows.size(), 3u + 2 * 3);
  const JsonDocument shape = JsonDocument::parse(rows[2], "STEP 2");
  EXPECT_EQ(shape.root().at("shape").elements()[0].as_int(), 30);
  EXPECT_EQ(shape.root().at("shape").elements()[1].as_int(), 24);
  EXPECT_EQ(shape.root().at("encoder_runs").as_int(), 1);
  const JsonDocument who = JsonDocument::parse(rows[5], "STEP 3");
  EXPECT_EQ(who.root().at("head").as_int(), 1);
  for (const char* name : {"self", "cross"}) {
    for (const Json& row : who.root().at(name).elements()) {
      double sum = 0;
      for (const Json& weight : row.elements()) sum += weight.as_number();
      EXPECT_NEAR(sum, 1, 1e-5) << name;
    }
  }
}

TEST(Explain, SaysThatAMemoryNeedsNoEncoder) {
  const std::string file = scratch("explained.memory");
  ASSERT_EQ(transept({"encode", kText, "--input", kInput, "--output", file, "--quiet"}).code, 0);
  const Result kept = transept({"explain", kText, "--memory", file, "--format", "jsonl"});
  ASSERT_EQ(kept.code, 0) << kept.err;
  const JsonDocument shape = JsonDocument::parse(lines(kept.out)[2], "STEP 2");
  EXPECT_EQ(shape.root().at("encoder_runs").as_int(), 0);
}

TEST(Score, ContinuesItsInputWithADecoderOnItsOwn) {
  const auto score = [](const char* input, const char* prompt) {
    return transept({"score", model("gpt2"), "--source-ids", input, "--prompt-ids", prompt,
                     "--target-ids", "4 9"});
  };
  const Result split = score("5 8", "3 6");
  EXPECT_EQ(split.code, 0) << split.err;
  EXPECT_EQ(split.out, score("5 8 3", "6").out);
}

TEST(Explain, ChoosesWhatGenerateWrites) {
  const Result result = explained({"--format", "jsonl"});
  const auto rows = lines(result.out);
  const JsonDocument last = JsonDocument::parse(rows.back(), "STEP 4");
  const Result generated = transept(
      {"generate", kText, "--input", kInput, "--prompt", kPrompt, "--max-new-tokens", "3"});
  EXPECT_EQ(std::string(last.root().at("text").as_string()) + "\n", generated.out);
}

TEST(Explain, MakesAPageThatFetchesNothingAndEscapesEverything) {
  const std::string page_file = scratch("page.html");
  const Result result =
      transept({"explain", kText, "--input", "</script><script>alert(1)</script> & <b>", "--prompt",
                "<i>", "--steps", "2", "--format", "html", "--output", page_file});
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "");
  const std::string page = read(page_file);
  EXPECT_EQ(page.find("<script>alert"), std::string::npos);
  EXPECT_EQ(page.find("<b>"), std::string::npos);
  EXPECT_EQ(page.find("<i>"), std::string::npos);
  for (const char* fetching : {"http://", "https://", " src=", "url(", "@import"})
    EXPECT_EQ(page.find(fetching), std::string::npos) << fetching;
}

TEST(Explain, WorksForEncodersAndDecodersOnTheirOwn) {
  const Result bert = transept({"explain", model("bert"), "--source-ids", "5 8 3"});
  EXPECT_EQ(bert.code, 0) << bert.err;
  EXPECT_NE(bert.out.find("encoder on its own"), std::string::npos);
  const Result gpt2 = transept({"explain", model("gpt2"), "--prompt-ids", "5 8 3"});
  EXPECT_EQ(gpt2.code, 0) << gpt2.err;
  EXPECT_NE(gpt2.out.find("decoder on its own"), std::string::npos);
  const Result layer = transept({"explain", model("bart"), "--source-ids", "5 8", "--layer", "99"});
  EXPECT_EQ(layer.code, 2);
  EXPECT_NE(layer.err.find("layers"), std::string::npos) << layer.err;
}

TEST(Score, AddsUpAndEqualsWhatGenerateReports) {
  const Result generated =
      transept({"generate", kText, "--input", kInput, "--beam", "3", "--format", "jsonl"});
  const JsonDocument best = JsonDocument::parse(generated.out, "stdout");
  std::string ids;
  for (const Json& id : best.root().at("ids").elements()) ids += std::to_string(id.as_int()) + " ";
  const Result scored = transept({"score", kText, "--input", kInput, "--target-ids", "--target",
                                  ids, "--format", "jsonl", "--top", "2"});
  ASSERT_EQ(scored.code, 0) << scored.err;
  const JsonDocument score = JsonDocument::parse(scored.out, "stdout");
  EXPECT_EQ(score.root().at("logprob").as_number(), best.root().at("logprob").as_number());
  double sum = 0;
  for (const Json& token : score.root().at("tokens").elements()) {
    sum += token.at("logprob").as_number();
    const auto top = token.at("top").elements();
    ASSERT_EQ(top.size(), 2u);
    EXPECT_GE(top[0].elements()[1].as_number(), token.at("logprob").as_number());
  }
  EXPECT_NEAR(sum, score.root().at("logprob").as_number(), 1e-9);
}

TEST(Score, ReadsPairsOfLines) {
  const std::string pairs = scratch("pairs.tsv");
  write(pairs, "The dog\tthe fox\nOne two\tthree\n");
  const Result both =
      transept({"score", kText, "--input-file", pairs, "--format", "jsonl", "--threads", "1"});
  ASSERT_EQ(both.code, 0) << both.err;
  ASSERT_EQ(lines(both.out).size(), 2u);
  const Result one = transept({"score", kText, "--input", "One two", "--target", "three"});
  const JsonDocument second = JsonDocument::parse(lines(both.out)[1], "stdout");
  EXPECT_NEAR(second.root().at("logprob").as_number(), std::stod(one.out), 1e-6);
  EXPECT_EQ(transept({"score", kText}, "no tab\n").code, 65);
}

TEST(Tokenize, GoesThereAndBack) {
  const Result ids = transept({"tokenize", kText}, kInput + "\n\nOne two\n");
  ASSERT_EQ(ids.code, 0) << ids.err;
  ASSERT_EQ(lines(ids.out).size(), 3u);
  EXPECT_EQ(lines(ids.out)[1], "1");
  const Result back = transept({"tokenize", kText, "--decode"}, ids.out);
  EXPECT_EQ(back.out, kInput + "\n\nOne two\n");
  const Result pieces = transept({"tokenize", kText, "--pieces", "--input", "dog"});
  EXPECT_NE(pieces.out.find("</s>"), std::string::npos);
  const Result offsets = transept({"tokenize", kText, "--offsets", "--input", "dog"});
  EXPECT_NE(offsets.out.find("0:"), std::string::npos);
  EXPECT_EQ(transept({"tokenize", kText, "--decode"}, "1 x\n").code, 65);
}

TEST(Tokenize, NeedsOnlyTokenizerFiles) {
  const std::string folder = scratch("tokenizer_only");
  const std::string copy = "mkdir -p " + folder + " && cp " + kText + "/tokenizer* " + folder;
  ASSERT_EQ(std::system(copy.c_str()), 0);
  EXPECT_EQ(transept({"tokenize", folder, "--input", kInput}).out,
            transept({"tokenize", kText, "--input", kInput}).out);
}

TEST(Inspect, TellsWhatFoldersAndMemoryFilesAre) {
  const Result folder = transept({"inspect", kText, "--format", "jsonl"});
  ASSERT_EQ(folder.code, 0) << folder.err;
  const JsonDocument report = JsonDocument::parse(folder.out, "stdout");
  EXPECT_EQ(report.root().at("model").at("family").as_string(), "t5");
  const std::string fingerprint(report.root().at("model").at("fingerprint").as_string());
  EXPECT_EQ(fingerprint.size(), 32u);
  const std::string file = scratch("inspected.memory");
  ASSERT_EQ(transept({"encode", kText, "--input", kInput, "--output", file, "--quiet"}).code, 0);
  const Result memory = transept({"inspect", file});
  EXPECT_EQ(memory.code, 0) << memory.err;
  EXPECT_NE(memory.out.find(fingerprint), std::string::npos) << memory.out;
  EXPECT_EQ(transept({"inspect", model("bart")}).code, 0);  // no tokenizer, but it runs on ids
  const std::string broken = scratch("broken.memory");
  write(broken, read(file).substr(0, 200));
  EXPECT_EQ(transept({"inspect", broken}).code, 65);
  EXPECT_EQ(transept({"inspect", scratch("nothing")}).code, 66);
}

TEST(Vocab, LearnsATokenizerThatTheOtherVerbsRead) {
  const std::string folder = scratch("vocabulary");
  const std::string text = kInput + "\nthe dog\tder Hund\n";
  const Result learned =
      transept({"vocab", "--type", "word", "--output", folder, "--format", "jsonl"}, text);
  ASSERT_EQ(learned.code, 0) << learned.err;
  const JsonDocument report = JsonDocument::parse(learned.out, "stdout");
  EXPECT_EQ(report.root().at("lines").as_int(), 2);
  EXPECT_EQ(report.root().at("unknown").as_int(), 0);
  const Result ids = transept({"tokenize", folder, "--input", "the Hund"});
  EXPECT_EQ(transept({"tokenize", folder, "--decode"}, ids.out).out, "the Hund\n");
  EXPECT_EQ(transept({"vocab"}, text).code, 2);
  EXPECT_EQ(transept({"vocab", "--output", folder, "--input-file", scratch("none")}).code, 66);
  const Result many = transept({"vocab", "--output", folder, "--size", "5000"}, text);
  EXPECT_EQ(many.code, 2);
  EXPECT_NE(many.err.find("too high"), std::string::npos) << many.err;
  EXPECT_EQ(lines(many.err).size(), 1u) << many.err;
}

TEST(Eval, ScoresOutputsThatAreThere) {
  const std::string hypotheses = scratch("hypotheses.txt");
  const std::string references = scratch("references.txt");
  write(hypotheses, "the cat sat on the mat\nHH AH L OW\n");
  write(references, "the cat sat on a mat\nHH AH L OW\n");
  const std::vector<std::string> both = {"--hypotheses", hypotheses, "--references", references};
  std::vector<std::string> arguments = {"eval", "--metric", "bleu,wer", "--metric", "ser"};
  arguments.insert(arguments.end(), both.begin(), both.end());
  const Result text = transept(arguments);
  ASSERT_EQ(text.code, 0) << text.err;
  ASSERT_EQ(lines(text.out).size(), 3u);
  EXPECT_EQ(
      lines(text.out)[0].rfind("BLEU|nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:", 0), 0u)
      << text.out;
  arguments.insert(arguments.end(), {"--format", "jsonl"});
  const Result json = transept(arguments);
  const JsonDocument wer = JsonDocument::parse(lines(json.out).at(1), "stdout");
  EXPECT_EQ(wer.root().at("metric").as_string(), "wer");
  EXPECT_DOUBLE_EQ(wer.root().at("score").as_number(), 0.1);
  EXPECT_EQ(wer.root().at("lines").as_int(), 2);
}

TEST(Eval, GeneratesForATestSet) {
  // What generate writes is the reference: nothing is wrong.
  const std::vector<std::string> inputs = {"The dog", kInput, "One two three"};
  std::string pairs;
  for (const std::string& input : inputs) {
    const std::string answer =
        transept({"generate", kText, "--input", input, "--max-new-tokens", "6", "--beam", "2"}).out;
    pairs += input + "\tnot this\t" + answer;
  }
  const std::string output = scratch("outputs.txt");
  const Result scored =
      transept({"eval", kText, "--metric", "ser", "--metric", "cer", "--beam", "2",
                "--max-new-tokens", "6", "--format", "jsonl", "--output", output},
               pairs);
  ASSERT_EQ(scored.code, 0) << scored.err;
  for (const std::string& line : lines(scored.out))
    EXPECT_EQ(JsonDocument::parse(line, "stdout").root().at("score").as_number(), 0) << line;
  EXPECT_EQ(lines(read(output)).size(), 3u);
}

TEST(Eval, NamesWhatDoesNotFit) {
  const std::string one = scratch("one.txt");
  const std::string two = scratch("two.txt");
  write(one, "a\n");
  write(two, "a\nb\n");
  EXPECT_EQ(transept({"eval", "--hypotheses", one, "--references", two}).code, 65);
  EXPECT_EQ(transept({"eval", "--hypotheses", one, "--references", one, "--metric", "blue"}).code,
            2);
  EXPECT_EQ(transept({"eval", "--hypotheses", scratch("no"), "--references", one}).code, 66);
  const Result bare = transept({"eval", kText}, "no reference\n");
  EXPECT_EQ(bare.code, 65);
  EXPECT_NE(bare.err.find("line 1"), std::string::npos) << bare.err;
}

TEST(Encode, NamesWhatIsMissing) {
  EXPECT_EQ(transept({"encode", kText, "--input", "x"}).code, 2);
  const Result nowhere =
      transept({"encode", kText, "--input", "x", "--output", "/nonexistent/x.memory"});
  EXPECT_TRUE(nowhere.code == 74 || nowhere.code == 66) << nowhere.err;
  EXPECT_EQ(lines(nowhere.err).size(), 1u);
}

TEST(Convert, GivesAFolderThatAnswersTheSame) {
  const std::string folder = ::testing::TempDir() + "converted";
  const std::string pairs = ::testing::TempDir() + "pairs.tsv";
  // Many, for the weights are random: a single answer may move far.
  std::string text;
  for (const char* input : {"The dog.", "A fox.", "The quick fox.", "lazy dog", "jumped over"})
    for (const char* output : {"The fox", "dog", "A lazy dog", "over the fox", "brown"})
      text += std::string(input) + '\t' + output + '\n';
  write(pairs, text);
  const Result result = Command{
      .arguments = {
          "convert", kText, "--output", folder, "--dtype", "int8", "--calibrate", pairs, "--format",
          "jsonl"}}.run();
  ASSERT_EQ(result.code, 0) << result.err;
  const auto rows = lines(result.out);
  for (size_t i = 0; i + 1 < rows.size(); ++i) {
    const JsonDocument matrix = JsonDocument::parse(rows[i], "matrix");
    EXPECT_GT(matrix.root().at("product_error").as_number(), 0) << rows[i];
    EXPECT_LT(matrix.root().at("product_error").as_number(), 0.02) << rows[i];
  }
  const JsonDocument effect = JsonDocument::parse(rows.back(), "effect");
  EXPECT_GT(effect.root().at("tokens").as_int(), 2);
  const double before = effect.root().at("logprob_before").as_number();
  EXPECT_NEAR(effect.root().at("logprob_after").as_number(), before, 0.05 * std::abs(before));
  const auto answer = [](std::vector<std::string> more) {
    std::vector<std::string> arguments = {"generate", "--input", kInput, "--format", "jsonl"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Result run = Command{.arguments = arguments}.run();
    EXPECT_EQ(run.code, 0) << run.err;
    return run.out;
  };
  EXPECT_EQ(answer({folder}), answer({kText, "--dtype", "int8"}));
  const Result wrong =
      Command{.arguments = {"generate", folder, "--dtype", "f32", "--input", "x"}}.run();
  EXPECT_NE(wrong.err.find("load the folder that it was converted from"), std::string::npos);
}

// A memory's file is the same whatever keys and values are kept as, and is answered from with any.
TEST(Encode, KeepsKeysAndValuesAsAsked) {
  std::string first;
  std::set<std::string> logprobs;
  int64_t before = INT64_MAX;
  for (const char* keys : {"f32", "bf16", "int8"}) {
    const std::string file = scratch("kept.memory");
    const Result made =
        transept({"encode", kText, "--keys", keys, "--input", kInput, "--output", file});
    ASSERT_EQ(made.code, 0) << made.err;
    const size_t end = made.err.find(" bytes in memory");
    ASSERT_NE(end, std::string::npos) << made.err;
    const int64_t bytes = std::stoll(made.err.substr(made.err.rfind(' ', end - 1)));
    EXPECT_LT(bytes, before) << keys;
    before = bytes;
    if (first.empty()) first = read(file);
    EXPECT_EQ(read(file), first);
    const Result from_file = transept({"generate", kText, "--keys", keys, "--memory", file,
                                       "--format", "jsonl", "--max-new-tokens", "4"});
    const Result from_text = transept({"generate", kText, "--keys", keys, "--input", kInput,
                                       "--format", "jsonl", "--max-new-tokens", "4"});
    ASSERT_EQ(from_file.code, 0) << from_file.err;
    const auto logprob = [](const Result& result) {
      return std::to_string(
          JsonDocument::parse(result.out, "answer").root().at("logprob").as_number());
    };
    EXPECT_EQ(logprob(from_file), logprob(from_text));
    logprobs.insert(logprob(from_file));
  }
  EXPECT_EQ(logprobs.size(), 3U);
  EXPECT_EQ(transept({"generate", kText, "--keys", "int4", "--input", "x"}).code, 2);
}

TEST(Bench, MeasuresEveryProductOfAStep) {
  const Result result = Command{
      .arguments = {
          "bench", kText, "--dtype", "int8", "--seconds", "0.01", "--batch-size", "3", "--format",
          "jsonl"}}.run();
  ASSERT_EQ(result.code, 0) << result.err;
  const JsonDocument document = JsonDocument::parse(result.out, "bench");
  const Json root = document.root();
  for (const char* name :
       {"flops_per_second", "int8_ops_per_second", "bytes_per_second", "encode_ms", "step_ms"})
    EXPECT_GT(root.at(name).as_number(), 0) << name;
  bool has_head = false;
  for (const Json& product : root.at("products").elements()) {
    EXPECT_EQ(product.at("rows").as_int(), 3);
    EXPECT_GT(product.at("ms").as_number(), 0);
    EXPECT_GT(product.at("share_of_limit").as_number(), 0);
    EXPECT_EQ(product.at("name").as_string().find(".cross.k."), std::string::npos);
    has_head = has_head || product.at("name").as_string() == "head.weight" ||
               product.at("name").as_string() == "tokens";
  }
  EXPECT_TRUE(has_head);
}

TEST(Compare, OneObjectPerLength) {
  const Result result = Command{
      .arguments = {
          "compare", kText, "--input-tokens", "8,16", "--repeat", "1", "--format",
          "jsonl"}}.run();
  ASSERT_EQ(result.code, 0) << result.err;
  const auto rows = lines(result.out);
  ASSERT_EQ(rows.size(), 2U);
  const JsonDocument second = JsonDocument::parse(rows[1], "compare");
  EXPECT_EQ(second.root().at("input_tokens").as_int(), 16);
  EXPECT_EQ(second.root().at("encoder_decoder").at("stored_bytes").as_int(), 16 * 24 * 4);
  EXPECT_GT(second.root().at("decoder_only").at("token_ms").as_number(), 0);
  const Result text =
      Command{.arguments = {"compare", kText, "--input-tokens", "8", "--repeat", "1"}}.run();
  EXPECT_NE(text.out.find("keeps a memory of the input"), std::string::npos) << text.out;
  const Result wrong = Command{.arguments = {"compare", kText, "--input-tokens", "8,x"}}.run();
  EXPECT_EQ(wrong.code, 2);
}

// Keys and values are kept in half the bytes where matrices are stored in another form than f32.
TEST(Compare, StoresMatricesAsAsked) {
  const auto kept = [](const char* dtype, const char* side) {
    const Result result = transept({"compare", kText, "--dtype", dtype, "--input-tokens", "16",
                                    "--repeat", "1", "--format", "jsonl"});
    EXPECT_EQ(result.code, 0) << result.err;
    const JsonDocument row = JsonDocument::parse(result.out, "compare");
    return row.root().at(side).at("kept_bytes").as_int();
  };
  for (const char* side : {"encoder_decoder", "decoder_only"})
    for (const char* dtype : {"bf16", "int8", "int4"})
      EXPECT_LT(kept(dtype, side), kept("f32", side));
}

}  // namespace
}  // namespace transept::testing
