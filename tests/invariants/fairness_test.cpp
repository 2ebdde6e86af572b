// Who shares a step with whom decides when a request goes on, and nothing else. Counted in ticks
// and rows, not in seconds.
#include "generate/scheduler.h"
#include "support/golden.h"

namespace transept::testing {
namespace {

constexpr int kRows = 16;
constexpr int kRequestRows = 8;

class Fairness : public ::testing::Test {
 protected:
  Rig rig{"t5-v1_1", chosen_kernels(), 2};

  struct Asked {
    int beams = 1;
    int tokens = 8;
    int prompt = 0;
    uint64_t owner = 0;
  };
  struct Got {
    std::vector<Token> ids;
    std::vector<float> logprobs;
    int at = -1;  // the tick
  };

  Request request(const Asked& asked, int first = 20) {
    Request made;
    made.source = {first, first + 1, first + 2};
    made.options =
        options_from_json(rig.checkpoint.config_json, rig.checkpoint.generation_config_json);
    made.options.max_new_tokens = asked.tokens;
    made.options.min_new_tokens = asked.tokens;  // so that their numbers are known
    made.options.speculate = 0;
    made.options.beams = asked.beams;
    made.owner = asked.owner;
    for (int i = 0; i < asked.prompt; ++i) made.prompt.push_back(5 + i * 3 % 80);
    return made;
  }

  [[nodiscard]] SchedulerOptions bounded() const {
    return {.max_rows = kRows, .max_request_rows = kRequestRows};
  }

  // All of them, added at once.
  std::vector<Got> run(const std::vector<Asked>& all, const SchedulerOptions& options) {
    Scheduler scheduler(rig.model, rig.pool, options);
    std::vector<Got> got(all.size());
    int tick = 0;
    for (size_t i = 0; i < all.size(); ++i) {
      Request made = request(all[i], 20 + static_cast<int>(i));
      made.on_finished = [&got, &tick, i](std::vector<Hypothesis> results) {
        got[i] = {results[0].ids, results[0].token_logprobs, tick};
      };
      scheduler.add(std::move(made));
    }
    int64_t rows = 0;
    while (scheduler.tick()) {
      ++tick;
      EXPECT_LE(scheduler.counters().decoder_rows - rows, options.max_rows);
      rows = scheduler.counters().decoder_rows;
    }
    return got;
  }
};

TEST_F(Fairness, ASmallRequestDoesNotWaitForAWideOne) {
  const std::vector<Asked> company = {{.beams = 50}, {.tokens = 12}, {.beams = 3, .tokens = 5}};
  const std::vector<Got> got = run(company, bounded());
  EXPECT_EQ(got[1].at, 11) << "a token a tick, as alone";
  EXPECT_EQ(got[2].at, 4);
  EXPECT_GT(got[0].at, 7 * 50 / kRows) << "the wide one takes its time";
  EXPECT_LT(got[0].at, 7 * (50 / kRequestRows + 1) + 3) << "and gets on";
  const std::vector<Got> whole = run(company, {});
  for (size_t i = 0; i < company.size(); ++i) {
    EXPECT_EQ(got[i].ids, whole[i].ids);
    EXPECT_EQ(got[i].logprobs, whole[i].logprobs);
  }
}

TEST_F(Fairness, ALongPromptIsReadInPieces) {
  const std::vector<Asked> company = {{.prompt = 90}, {.tokens = 12}, {.beams = 4, .prompt = 41}};
  const std::vector<Got> got = run(company, bounded());
  EXPECT_EQ(got[1].at, 11);
  EXPECT_GT(got[0].at, 90 / kRows);
  const std::vector<Got> whole = run(company, {});
  for (size_t i = 0; i < company.size(); ++i) {
    EXPECT_EQ(got[i].ids, whole[i].ids) << i;
    EXPECT_EQ(got[i].logprobs, whole[i].logprobs) << i;
  }
}

TEST_F(Fairness, OwnersShareAlikeWhateverTheirNumberOfRequests) {
  std::vector<Asked> company(8, {.beams = 40, .tokens = 4, .owner = 1});
  company.push_back({.beams = 40, .tokens = 4, .owner = 2});
  const std::vector<Got> got = run(company, {.max_rows = kRows});
  const int of_two = got.back().at;  // 3 steps of 40 rows, 8 rows a tick
  EXPECT_NEAR(of_two, 3 * 40 / (kRows / 2), 3);
  for (size_t i = 0; i + 1 < got.size(); ++i) EXPECT_GT(got[i].at, 2 * of_two);
}

// Places are shared as rows are: who comes late does not wait for those who have all of them.
TEST_F(Fairness, AnOwnerHasItsPartOfThePlaces) {
  std::vector<Asked> company(12, {.tokens = 30, .owner = 1});
  company.push_back({.tokens = 5, .owner = 2});
  company.push_back({.tokens = 5, .owner = 3});
  SchedulerOptions options = bounded();
  options.max_requests = 4;
  const std::vector<Got> got = run(company, options);
  EXPECT_LT(got[12].at, 6);
  EXPECT_LT(got[13].at, 6);
  EXPECT_LT(got[0].at, 32);
}

TEST_F(Fairness, ALateOwnerIsLetIn) {
  SchedulerOptions options = bounded();
  options.max_requests = 4;
  Scheduler scheduler(rig.model, rig.pool, options);
  for (int i = 0; i < 12; ++i) scheduler.add(request({.tokens = 30, .owner = 1}, 20 + i));
  for (int i = 0; i < 3; ++i) scheduler.tick();
  EXPECT_EQ(scheduler.n_active(), 4);
  bool finished = false;
  Request late = request({.tokens = 5, .owner = 2});
  late.on_finished = [&](std::vector<Hypothesis>) { finished = true; };
  scheduler.add(std::move(late));
  for (int i = 0; i < 5; ++i) scheduler.tick();
  EXPECT_TRUE(finished);
}

// More requests than rows: every one has its turn.
TEST_F(Fairness, NobodyStarves) {
  const std::vector<Asked> company(30, {.tokens = 6});
  const std::vector<Got> got = run(company, {.max_rows = 4});
  for (const Got& one : got) EXPECT_LE(one.at, 6 * 30 / 4 + 2);
  std::vector<Asked> owners;
  for (uint64_t owner = 1; owner <= 10; ++owner) owners.push_back({.tokens = 6, .owner = owner});
  for (const Got& one : run(owners, {.max_rows = 3})) EXPECT_NEAR(one.at, 6 * 10 / 3, 4);
}

}  // namespace
}  // namespace transept::testing
