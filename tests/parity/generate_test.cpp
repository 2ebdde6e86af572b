// parity: what the reference's `generate` returns over a grid of options, for every family, on
// every instruction set: the same tokens, the same scores; and every hypothesis' log-probability
// equals what score() finds for its tokens, to the bit.
#include <fmt/format.h>

#include "generate/generate.h"
#include "generate/scheduler.h"
#include "generate/score.h"
#include "support/golden.h"

namespace transept::testing {
namespace {

std::vector<Case> all_cases() {
  return cases_of([](const std::string& model) {
    return std::filesystem::exists(fixtures() / "models" / model / "generate.json");
  });
}

std::vector<Token> tokens(const Json& array) {
  std::vector<Token> out;
  for (const Json& value : array.elements()) out.push_back(static_cast<Token>(value.as_int()));
  return out;
}

// One entry of generate.json.
struct Expected {
  std::vector<Token> source;
  std::vector<Token> prompt;
  GenerateOptions options;
  std::vector<std::vector<Token>> sequences;
  std::vector<double> scores;  // empty without beams
  std::vector<std::vector<double>> token_logprobs;
};

Expected read_case(const Json& entry, const Checkpoint& checkpoint) {
  Expected e;
  e.source = tokens(entry.at("source"));
  e.prompt = tokens(entry.at("prompt"));
  e.options = options_from_json(checkpoint.config_json, checkpoint.generation_config_json);
  set_options(e.options, entry.at("options"));
  if (!e.options.max_new_tokens && !e.options.max_length) e.options.max_new_tokens = 20;
  const Config& config = checkpoint.model->config;
  if (!config.has_encoder()) e.prompt.insert(e.prompt.begin(), *e.options.bos);
  for (const Json& sequence : entry.at("sequences").elements()) {
    e.sequences.push_back(tokens(sequence));
  }
  if (const auto scores = entry.find("sequences_scores")) {
    for (const Json& score : scores->elements()) e.scores.push_back(score.as_number());
  }
  for (const Json& row : entry.at("token_logprobs").elements()) {
    e.token_logprobs.emplace_back();
    for (const Json& value : row.elements()) e.token_logprobs.back().push_back(value.as_number());
  }
  return e;
}

class GenerateParity : public ::testing::TestWithParam<Case> {
 protected:
  Rig rig{GetParam().model, *GetParam().kernels, 2};

  [[nodiscard]] std::vector<Expected> read_cases() const {
    const auto path = fixtures() / "models" / GetParam().model / "generate.json";
    const JsonDocument document = JsonDocument::load(path.string());
    std::vector<Expected> cases;
    for (const Json& entry : document.root().elements()) {
      cases.push_back(read_case(entry, rig.checkpoint));
    }
    return cases;
  }
};

void expect_equal(const Expected& want, const std::vector<Hypothesis>& got) {
  ASSERT_EQ(got.size(), want.sequences.size());
  for (size_t i = 0; i < got.size(); ++i) {
    SCOPED_TRACE(fmt::format("hypothesis {}", i));
    ASSERT_EQ(got[i].ids, want.sequences[i]);
    if (!want.scores.empty()) {
      EXPECT_NEAR(got[i].score, want.scores[i], 1e-4 * std::abs(want.scores[i]) + 1e-6);
    }
    double sum = 0;
    for (size_t t = 0; t < got[i].ids.size(); ++t) {
      const double logprob = want.token_logprobs[i][t];
      EXPECT_NEAR(double{got[i].token_logprobs[t]}, logprob, 1e-4 * std::abs(logprob) + 1e-5);
      sum += logprob;
    }
    EXPECT_NEAR(got[i].logprob, sum, 1e-4 * std::abs(sum) + 1e-5);
  }
}

// All cases of a model together: prompts, single steps, beams and greedy in one batch.
TEST_P(GenerateParity, SequencesAndScores) {
  const std::vector<Expected> cases = read_cases();
  ASSERT_GE(cases.size(), 20U);
  std::vector<std::vector<Hypothesis>> results(cases.size());
  Scheduler scheduler(rig.model, rig.pool, {.max_requests = 24}, *GetParam().kernels);
  for (size_t i = 0; i < cases.size(); ++i) {
    Request request;
    request.source = cases[i].source;
    request.prompt = cases[i].prompt;
    request.options = cases[i].options;
    request.on_finished = [&results, i](std::vector<Hypothesis> r) { results[i] = std::move(r); };
    scheduler.add(std::move(request));
  }
  scheduler.run();
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(fmt::format("case {}", i));
    expect_equal(cases[i], results[i]);
  }
}

TEST_P(GenerateParity, LogprobsEqualScore) {
  Context c = rig.context();
  std::vector<ScoreRequest> requests;
  std::vector<Hypothesis> hypotheses;
  GenerateOptions options;
  const std::vector<Expected> cases = read_cases();
  for (size_t i = 0; i < cases.size(); i += 3) {
    const Expected& e = cases[i];
    options = e.options;
    Memory memory;
    if (rig.model.config.has_encoder()) {
      memory = encode_memories(c, rig.model, std::vector<std::vector<Token>>{e.source})[0];
    }
    for (Hypothesis& h : generate(c, rig.model, memory, e.prompt, e.options)) {
      requests.push_back({memory, e.prompt, h.ids});
      hypotheses.push_back(std::move(h));
    }
  }
  const std::vector<Score> scores = score(c, rig.model, requests, options, 3);
  for (size_t i = 0; i < scores.size(); ++i) {
    EXPECT_EQ(scores[i].logprob, hypotheses[i].logprob);
    for (size_t t = 0; t < scores[i].tokens.size(); ++t) {
      const TokenScore& token = scores[i].tokens[t];
      EXPECT_EQ(token.logprob, hypotheses[i].token_logprobs[t]);
      ASSERT_EQ(token.top.size(), 3U);
      EXPECT_GE(token.top[0].value, token.logprob);
      EXPECT_GE(token.top[0].value, token.top[1].value);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, GenerateParity, ::testing::ValuesIn(all_cases()),
                         [](const auto& instance) {
                           return test_name(instance.param.model + "_" +
                                            instance.param.kernels->name);
                         });

}  // namespace
}  // namespace transept::testing
