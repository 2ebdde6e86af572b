// A request that may only say some tokens gets what the whole model would say of them: the same
// logits to the bit, the same choice as with all others suppressed, log-softmax over its tokens.
#include <fmt/format.h>

#include <random>

#include "generate/generate.h"
#include "generate/restrict.h"
#include "ops/softmax.h"
#include "support/golden.h"

namespace transept::testing {
namespace {

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const char* model : {"marian", "t5-v1_1", "bart"})
    for (const KernelTable* table : available_kernels())
      for (const Storage storage : {Storage::f32, Storage::bf16, Storage::int8, Storage::int4})
        cases.push_back({model, table, storage});
  return cases;
}

class Restricted : public ::testing::TestWithParam<Case> {
 protected:
  Rig rig{GetParam().model, *GetParam().kernels, 2, GetParam().storage};
  std::mt19937 random{7};

  int below(int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); }
  [[nodiscard]] std::vector<Token> others(const std::vector<Token>& allowed) const {
    std::vector<Token> tokens;
    for (Token token = 0; token < vocab(); ++token)
      if (!std::ranges::binary_search(allowed, token)) tokens.push_back(token);
    return tokens;
  }
  [[nodiscard]] int vocab() const { return rig.model.config.decoder.vocab; }

  std::vector<Token> random_tokens(int n, int n_tokens) {
    std::vector<Token> tokens;
    for (int i = 0; i < n; ++i) tokens.push_back(below(n_tokens));
    return tokens;
  }

  GenerateOptions options() {
    GenerateOptions options =
        options_from_json(rig.checkpoint.config_json, rig.checkpoint.generation_config_json);
    options.beams = 1;
    options.max_new_tokens = 8;
    return options;
  }

  static std::vector<Token> sorted(std::vector<Token> tokens) {
    std::ranges::sort(tokens);
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    return tokens;
  }

  Memory memory_of(const std::vector<Token>& source) {
    Context c = rig.context();
    return encode_memories(c, rig.model, std::vector<std::vector<Token>>{source})[0];
  }

  std::vector<Hypothesis> answer(const Memory& memory, const GenerateOptions& options) {
    Context c = rig.context();
    return generate(c, rig.model, memory, {}, options);
  }

  // The log-probabilities of `ids` among `allowed`, from the logits of the whole product.
  std::vector<float> logprobs_among(const std::vector<Token>& allowed,
                                    const std::vector<Token>& source,
                                    const std::vector<Token>& ids) {
    std::vector<Token> target = decoder_prompt(options(), rig.model.config, {});
    const size_t first = target.size() - 1;
    target.insert(target.end(), ids.begin(), ids.end() - 1);
    const Tensor all = rig.forward(source, target);
    std::vector<float> logprobs;
    for (size_t i = 0; i < ids.size(); ++i) {
      const float* row = all.row(static_cast<int>(first + i));
      std::vector<float> some;
      for (const Token token : allowed) some.push_back(row[token]);
      logprobs.push_back(log_norm(*rig.kernels, some).of(row[ids[i]]));
    }
    return logprobs;
  }
};

TEST_P(Restricted, EqualsTheWholeVocabularyWithAllOthersSuppressed) {
  for (int round = 0; round < 12; ++round) {
    const std::vector<Token> source = random_tokens(1 + below(9), rig.model.config.encoder.vocab);
    const Memory memory = memory_of(source);
    GenerateOptions some = options();
    some.repetition_penalty = round % 3 == 0 ? 1.5 : 1;
    some.no_repeat_ngram = round % 4;
    some.sample = round % 2 == 1;
    some.seed = random();
    GenerateOptions all = some;
    some.vocabulary = std::make_shared<const std::vector<Token>>(
        sorted(random_tokens(1 + below(vocab() / 2), vocab())));
    const std::vector<Token> allowed = allowed_tokens(some, false, {});
    all.suppress_tokens = others(allowed);
    const Hypothesis got = answer(memory, some).front();
    EXPECT_EQ(got.ids, answer(memory, all).front().ids);
    EXPECT_EQ(got.token_logprobs, logprobs_among(allowed, source, got.ids));
    some.logprobs = false;  // only the likeliest is looked for
    EXPECT_EQ(got.ids, answer(memory, some).front().ids);
  }
}

TEST_P(Restricted, BeamsSearchAmongTheirTokens) {
  for (int round = 0; round < 8; ++round) {
    const std::vector<Token> source = random_tokens(1 + below(9), rig.model.config.encoder.vocab);
    GenerateOptions some = options();
    some.beams = 2 + below(3);
    some.n_best = some.beams;
    some.renormalize_logits = true;  // so that suppressed tokens have no part in either
    GenerateOptions all = some;
    some.vocabulary = std::make_shared<const std::vector<Token>>(
        sorted(random_tokens(30 + below(vocab() / 2), vocab())));
    const std::vector<Token> allowed = allowed_tokens(some, false, {});
    all.suppress_tokens = others(allowed);
    const auto got = answer(memory_of(source), some);
    const auto want = answer(memory_of(source), all);
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].ids, want[i].ids);
      EXPECT_NEAR(got[i].score, want[i].score, 1e-4);
      EXPECT_EQ(got[i].token_logprobs, logprobs_among(allowed, source, got[i].ids));
    }
  }
}

// Fewer tokens than a search would like to weigh, down to the end mark alone.
TEST_P(Restricted, FewTokensAreEnough) {
  const Memory memory = memory_of({5, 6, 7});
  GenerateOptions few = options();
  few.eos = {1};
  few.forced_bos.reset();
  few.forced_eos.clear();
  few.bad_words = {};
  for (const std::vector<Token>& tokens : {std::vector<Token>{1}, {1, 9}, {3, 9, 12}}) {
    few.vocabulary = std::make_shared<const std::vector<Token>>(tokens);
    for (const int beams : {1, 4}) {
      few.beams = beams;
      for (const Hypothesis& found : answer(memory, few)) {
        EXPECT_FALSE(found.ids.empty());
        for (const Token id : found.ids)
          EXPECT_TRUE(id == 1 || std::ranges::count(tokens, id) == 1) << id;
      }
    }
  }
  few.beams = 1;
  few.sample = true;
  EXPECT_FALSE(answer(memory, few).front().ids.empty());
}

TEST(AllowedTokens, AreThoseOfVocabularyAndShortlist) {
  GenerateOptions options;
  options.eos = {7};
  options.forced_bos = 9;
  Shortlist shortlist{
      .n_targets = 20, .first = 2, .offsets = {0, 0, 2, 5}, .targets = {4, 15, 15, 3, 6}};
  options.shortlist = std::make_shared<const Shortlist>(shortlist);
  const std::vector<Token> source = {2, 2, 1, 12};
  EXPECT_EQ(allowed_tokens(options, false, source), (std::vector<Token>{0, 1, 3, 4, 6, 7, 9, 15}));
  EXPECT_EQ(allowed_tokens(options, true, source),
            (std::vector<Token>{0, 1, 2, 3, 4, 6, 7, 9, 12, 15}));
  options.vocabulary = std::make_shared<const std::vector<Token>>(std::vector<Token>{1, 5, 15});
  EXPECT_EQ(allowed_tokens(options, false, source), (std::vector<Token>{1, 7, 9, 15}));
  options.shortlist = nullptr;
  EXPECT_EQ(allowed_tokens(options, false, source), (std::vector<Token>{1, 5, 7, 9, 15}));
}

INSTANTIATE_TEST_SUITE_P(Models, Restricted, ::testing::ValuesIn(all_cases()),
                         [](const auto& each) {
                           return fmt::format("{}_{}_{}", test_name(each.param.model),
                                              each.param.kernels->name,
                                              name_of(each.param.storage));
                         });

}  // namespace
}  // namespace transept::testing
