// Processors and sampler against the reference's probabilities, and draws against probabilities.
#include "generate/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/rng.h"
#include "generate/processors.h"
#include "generate/toy_testing.h"
#include "ops/softmax.h"

namespace transept::testing {
namespace {

std::vector<float> floats(const Json& array) {
  std::vector<float> out;
  for (const Json& value : array.elements()) out.push_back(static_cast<float>(value.as_number()));
  return out;
}

std::vector<Token> tokens(const Json& array) {
  std::vector<Token> out;
  for (const Json& value : array.elements()) out.push_back(static_cast<Token>(value.as_int()));
  return out;
}

std::vector<double> probabilities(const GenerateOptions& options, std::vector<float> logits,
                                  const std::vector<Token>& ids,
                                  const std::vector<Token>& source = {}, int prompt_length = 1) {
  const Processors processors(options, source, prompt_length, 1000);
  processors.apply(reference_kernels(), ids, logits);
  Sampler sampler(options);
  std::vector<double> out(logits.size(), 0);
  for (const Candidate& c : sampler.distribution(reference_kernels(), logits)) {
    out[static_cast<size_t>(c.token)] = c.probability;
  }
  return out;
}

TEST(Sampler, ProbabilitiesEqualTheReference) {
  const JsonDocument document = JsonDocument::load(TRANSEPT_FIXTURES "/sampling.json");
  const std::vector<Json> cases = document.root().elements();
  ASSERT_GE(cases.size(), 50U);
  for (size_t i = 0; i < cases.size(); ++i) {
    const Json& c = cases[i];
    GenerateOptions options;
    options.sample = true;
    options.top_k = 0;
    options.eos = {static_cast<Token>(c.at("eos").as_int())};
    set_options(options, c.at("options"));
    const std::vector<Token> source = tokens(c.at("source"));
    const std::vector<double> got =
        probabilities(options, floats(c.at("logits")), tokens(c.at("ids")), source,
                      static_cast<int>(c.at("prompt_length").as_int()));
    const std::vector<float> want = floats(c.at("probs"));
    for (size_t t = 0; t < want.size(); ++t) {
      const auto wanted = static_cast<double>(want[t]);
      EXPECT_NEAR(got[t], wanted, 2e-6 + 1e-5 * wanted) << "case " << i << " token " << t;
      const bool kept = got[t] > 1e-44;  // where floats end
      EXPECT_TRUE(kept == (wanted > 1e-44)) << "case " << i << " token " << t;
    }
  }
}

TEST(Sampler, DrawsFollowTheProbabilities) {
  GenerateOptions options;
  options.sample = true;
  options.top_k = 8;
  options.temperature = 0.8;
  const std::vector<float> logits = random_table(40, 5)({1});
  const std::vector<double> expected = probabilities(options, logits, {1});
  Sampler sampler(options);
  constexpr int kDraws = 20000;
  std::map<Token, int> seen;
  for (uint64_t i = 0; i < kDraws; ++i) {
    ++seen[draw(sampler.distribution(reference_kernels(), logits), random_uniform(7, 0, i))];
  }
  double chi_square = 0;
  for (const auto& [token, count] : seen) {
    const double mean = kDraws * expected[static_cast<size_t>(token)];
    ASSERT_GT(mean, 0) << "a banned token was drawn";
    chi_square += (count - mean) * (count - mean) / mean;
  }
  EXPECT_EQ(seen.size(), 8U);
  EXPECT_LT(chi_square, 24.32);  // 7 degrees of freedom, p = 0.001
}

TEST(Sampler, BannedTokensAreNeverDrawn) {
  GenerateOptions options;
  options.sample = true;
  options.top_k = 0;
  options.suppress_tokens = {0, 2};
  const std::vector<double> got = probabilities(options, {5, 1, 9, 1}, {0});
  EXPECT_EQ(got, (std::vector<double>{0, 0.5, 0, 0.5}));
}

TEST(Sampler, WhereAllIsBannedTheFirstTokenComes) {
  GenerateOptions options;
  options.sample = true;
  options.suppress_tokens = {0, 1};
  EXPECT_EQ(probabilities(options, {5, 1}, {0}), (std::vector<double>{1, 0}));
}

TEST(Sampler, GreedyTakesTheFirstOfEquals) {
  EXPECT_EQ(pick_greedy(chosen_kernels(), std::vector<float>{1, 3, 3, 2}), 1);
  EXPECT_EQ(pick_greedy(chosen_kernels(), std::vector<float>{-INFINITY, NAN, -5}), 2);
}

TEST(TopK, EqualsASortOnManySizes) {
  for (const int n : {1, 2, 15, 127, 128, 129, 300, 5000}) {
    for (const int k : {1, 2, 7, 64, 65, 400}) {
      std::vector<float> row = random_table(n, 3)({n});
      for (float& x : row) x = std::round(x * 20);  // many equals
      std::vector<Scored> want;
      want.reserve(row.size());
      for (int i = 0; i < n; ++i) want.push_back({i, row[static_cast<size_t>(i)]});
      std::stable_sort(want.begin(), want.end(),
                       [](const Scored& a, const Scored& b) { return a.value > b.value; });
      want.resize(static_cast<size_t>(std::min(n, k)));
      std::vector<Scored> got;
      top_k(chosen_kernels(), row, k, got);
      ASSERT_EQ(got.size(), want.size());
      for (size_t i = 0; i < got.size(); ++i) {
        EXPECT_EQ(got[i].index, want[i].index) << n << " " << k << " " << i;
      }
    }
  }
}

}  // namespace
}  // namespace transept::testing
