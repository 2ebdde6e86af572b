// The figures of sacrebleu 2.6.0, rouge-score 0.1.2 and jiwer 4.0.0 on real lines and on nasty
// ones; tools/fixtures/metrics.py made them.
#include "eval/metrics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/json.h"
#include "eval/bleu.h"
#include "eval/chrf.h"
#include "eval/error_rate.h"
#include "eval/porter_stemmer.h"
#include "eval/rouge.h"
#include "eval/ter.h"

namespace transept {
namespace {

JsonDocument fixture(const std::string& name) {
  return JsonDocument::load(std::string(TRANSEPT_FIXTURES) + "/metrics/" + name + ".json");
}

void add(TestSet& set, const Json& line) {
  set.hypotheses.emplace_back(line.at("hypothesis").as_string());
  set.references.emplace_back();
  for (const Json& reference : line.at("references").elements())
    set.references.back().emplace_back(reference.as_string());
}

TestSet load_set(const std::string& name) {
  const JsonDocument document = fixture(name);
  TestSet set;
  for (const Json& line : document.root().elements()) add(set, line);
  return set;
}

TestSet first_references(TestSet set) {
  for (auto& references : set.references) references.resize(1);
  return set;
}

// Score and signature without the version.
std::pair<double, std::string> compute(const TestSet& set, const std::string& metric,
                                       const Json& options) {
  const auto without_version = [](const std::string& signature) {
    return signature.substr(0, signature.rfind("|version:"));
  };
  const bool lower = options.get("lowercase", false);
  if (metric == "bleu") {
    const BleuScore score = bleu(set, {.tokenizer = options.get("tokenizer", "13a"),
                                       .lowercase = lower,
                                       .smoothing = options.get("smoothing", "exp"),
                                       .effective_order = options.get("effective_order", false)});
    return {score.score, without_version(score.signature)};
  }
  if (metric == "ter") {
    const TerScore score = ter(set, {.case_sensitive = options.get("case_sensitive", false)});
    return {score.score, without_version(score.signature)};
  }
  const bool one = options.get("first_reference", false);
  const Figure figure = measure(metric, one ? first_references(set) : set,
                                {.lowercase = lower, .stemmer = options.get("stemmer", false)});
  return {figure.score, without_version(figure.signature)};
}

void expect_case(const TestSet& set, const Json& golden, const std::string& where) {
  const std::string metric(golden.at("metric").as_string());
  const double wanted = golden.at("score").as_number();
  const auto [score, signature] = compute(set, metric, golden.at("options"));
  EXPECT_NEAR(score, wanted, 1e-9 * std::max(1e-3, std::abs(wanted)))
      << metric << " " << signature << " of " << where;
  if (const auto named = golden.find("signature")) {
    EXPECT_EQ(signature, named->as_string());
  }
}

TEST(Metrics, EqualTheReferenceOnRealLines) {
  const TestSet german = load_set("german");
  const TestSet english = load_set("english");
  ASSERT_EQ(german.hypotheses.size(), 1000u);
  ASSERT_EQ(english.hypotheses.size(), 1000u);
  const JsonDocument golden = fixture("golden");
  for (const Json& one : golden.root().elements())
    expect_case(one.at("set").as_string() == "german" ? german : english, one,
                std::string(one.at("set").as_string()));
}

TEST(Metrics, EqualTheReferenceOnEachNastyLine) {
  const JsonDocument lines = fixture("nasty");
  for (const Json& line : lines.root().elements()) {
    TestSet set;
    add(set, line);
    for (const Json& one : line.at("cases").elements())
      expect_case(set, one, "\"" + set.hypotheses[0] + "\"");
  }
}

TEST(Metrics, StemWordsAsTheReference) {
  const JsonDocument words = fixture("stems");
  for (const Json& pair : words.root().elements()) {
    const std::string word(pair.elements()[0].as_string());
    EXPECT_EQ(porter_stem(word), pair.elements()[1].as_string()) << word;
  }
}

TEST(Metrics, PrintALineLikeSacrebleu) {
  const TestSet set{{"the cat sat on the mat"}, {{"the cat sat on a mat"}}};
  const Figure figure = measure("bleu", set);
  EXPECT_EQ(figure.text().rfind("BLEU|nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:", 0),
            0u)
      << figure.text();
  EXPECT_NE(figure.text().find("BP = 1.000 ratio = 1.000 hyp_len = 6 ref_len = 6"),
            std::string::npos);
  EXPECT_EQ(measure("chrf++", set).name, "chrF2++");
}

TEST(Metrics, TakeTheClosestReference) {
  const TestSet set{{"HH AH0 L OW1", "T UW1"}, {{"HH EH0 L OW1", "HH AH0 L OW1"}, {"T AH0"}}};
  EXPECT_DOUBLE_EQ(measure("per", set).score, 1.0 / 6);
  EXPECT_DOUBLE_EQ(measure("ser", set).score, 0.5);
  EXPECT_FALSE(measure("ser", set).higher_is_better);
}

TEST(Metrics, RefuseWhatCannotBeCompared) {
  const TestSet good{{"a"}, {{"a"}}};
  EXPECT_THROW((void)measure("bleu", {}), Error);
  EXPECT_THROW((void)measure("bleu", {{"a", "b"}, {{"a"}}}), Error);
  EXPECT_THROW((void)measure("wer", {{"a"}, {{}}}), Error);
  EXPECT_THROW((void)measure("blue", good), Error);
  EXPECT_THROW((void)measure("bleu", good, {.bleu_tokenizer = "14a"}), Error);
  EXPECT_THROW((void)measure("bleu", good, {.bleu_smoothing = "much"}), Error);
}

}  // namespace
}  // namespace transept
