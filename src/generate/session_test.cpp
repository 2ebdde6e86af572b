// Greedy, sampling and beams on models small enough to enumerate.
#include "generate/session.h"

#include <gtest/gtest.h>

#include <cmath>

#include "generate/draft.h"
#include "generate/toy_testing.h"
#include "ops/softmax.h"

namespace transept::testing {
namespace {

constexpr Token kEos = 1;

GenerateOptions toy_options(int max_new_tokens) {
  GenerateOptions options;
  options.eos = {kEos};
  options.max_new_tokens = max_new_tokens;
  return options;
}

std::vector<float> log_probabilities(const std::vector<float>& logits) {
  std::vector<float> out(logits.size());
  log_softmax(reference_kernels(), logits, out);
  return out;
}

struct Sequence {
  std::vector<Token> ids;
  double score;
};

// Every sequence that ends with kEos or has max_new_tokens, best first.
std::vector<Sequence> enumerate(const TableModel& model, const GenerateOptions& options) {
  std::vector<Sequence> all;
  const std::function<void(std::vector<Token>&, double)> extend = [&](std::vector<Token>& ids,
                                                                      double sum) {
    const std::vector<float> logprobs = log_probabilities(model(ids));
    for (size_t token = 0; token < logprobs.size(); ++token) {
      ids.push_back(static_cast<Token>(token));
      const double longer = sum + static_cast<double>(logprobs[token]);
      const auto length = static_cast<int>(ids.size()) - 1;
      if (ids.back() == kEos || length == *options.max_new_tokens) {
        const double score = longer / std::pow(length, options.length_penalty);
        all.push_back({{ids.begin() + 1, ids.end()}, score});
      } else {
        extend(ids, longer);
      }
      ids.pop_back();
    }
  };
  std::vector<Token> start{0};
  extend(start, 0);
  std::sort(all.begin(), all.end(),
            [](const Sequence& a, const Sequence& b) { return a.score > b.score; });
  return all;
}

TEST(Greedy, FollowsTheMaximumAndStopsAtTheEnd) {
  const TableModel counts = [](const std::vector<Token>& ids) {
    std::vector<float> logits(6, 0);
    logits[ids.size() < 4 ? ids.size() + 1 : kEos] = 3;
    return logits;
  };
  const auto results = run_toy(counts, toy_config(6), toy_options(9));
  ASSERT_EQ(results.size(), 1U);
  EXPECT_EQ(results[0].ids, (std::vector<Token>{2, 3, 4, kEos}));
  EXPECT_EQ(results[0].finish, Finish::eos);
  EXPECT_NEAR(results[0].logprob, 4 * (3 - std::log(5 + std::exp(3.0))), 1e-5);
  EXPECT_EQ(results[0].logprob, sum_logprobs(results[0].token_logprobs));
  const auto cut = run_toy(counts, toy_config(6), toy_options(2));
  EXPECT_EQ(cut[0].ids, (std::vector<Token>{2, 3}));
  EXPECT_EQ(cut[0].finish, Finish::length);
}

// Text that repeats itself is guessed; whatever is, the answer is that of one token after the
// other.
TEST(Greedy, GuessesChangeOnlyTheNumberOfSteps) {
  const int vocab = 12;
  const TableModel table = random_table(vocab, 5);
  const TableModel repeats = [=](const std::vector<Token>& ids) {  // 2 … 9, now and then astray
    std::vector<float> logits = table(ids);
    logits[static_cast<size_t>(2 + ids.size() % 8)] += ids.size() % 23 == 0 ? 0.0F : 4.0F;
    return logits;
  };
  int saved = 0;
  for (int kind = 0; kind < 48; ++kind) {
    GenerateOptions options = toy_options(30 + kind);
    if (kind % 2 == 1) options.repetition_penalty = 1.2;
    if (kind % 3 == 1) options.no_repeat_ngram = 10;
    if (kind % 5 == 1) options.forced_eos = {7};
    if (kind % 7 == 1) options.min_new_tokens = 20;
    options.speculate = 0;
    int plain_steps = 0;
    const auto plain = run_toy(repeats, toy_config(vocab), options, {}, &plain_steps)[0];
    for (const int most : {1, 3, 8, 64}) {
      options.speculate = most;
      int steps = 0;
      const auto guessed = run_toy(repeats, toy_config(vocab), options, {}, &steps)[0];
      EXPECT_EQ(guessed.ids, plain.ids) << kind << " " << most;
      EXPECT_EQ(guessed.token_logprobs, plain.token_logprobs) << kind << " " << most;
      EXPECT_LE(steps, plain_steps);
      saved += plain_steps - steps;
    }
  }
  EXPECT_GT(saved, 1000);
}

// Two tokens in a row at which an answer ends, as a text at which it does.
bool has_stop(std::span<const Token> generated) {
  for (size_t i = 1; i < generated.size(); ++i)
    if (generated[i - 1] % 3 == 0 && generated[i] % 2 == 0) return true;
  return false;
}

std::vector<Token> cut_at_stop(const std::vector<Token>& ids) {
  for (size_t n = 1; n <= ids.size(); ++n)
    if (has_stop(std::span(ids).first(n))) return {ids.begin(), ids.begin() + std::ptrdiff_t(n)};
  return ids;
}

// The same tokens as without stops, up to the first stop: greedy, with guesses, and drawn.
TEST(Stops, CutWhatWouldHaveComeAnyway) {
  int cut = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    GenerateOptions options = toy_options(12);
    options.sample = seed % 3 == 0;
    options.n_best = options.sample ? 4 : 1;
    options.seed = seed;
    if (seed % 3 == 1) options.speculate = 8;
    const TableModel model = random_table(9, seed);
    const auto whole = run_toy(model, toy_config(9), options);
    options.stops = has_stop;
    const auto stopped = run_toy(model, toy_config(9), options);
    ASSERT_EQ(stopped.size(), whole.size());
    for (size_t i = 0; i < whole.size(); ++i) {
      const std::vector<Token> want = cut_at_stop(whole[i].ids);
      EXPECT_EQ(stopped[i].ids, want) << seed;
      EXPECT_EQ(stopped[i].logprob,
                sum_logprobs(std::span(whole[i].token_logprobs).first(want.size())));
      EXPECT_EQ(stopped[i].finish == Finish::stop, has_stop(want)) << seed;
      cut += want.size() < whole[i].ids.size() ? 1 : 0;
    }
  }
  EXPECT_GT(cut, 30);
}

TEST(Drafter, CopiesWhatFollowedTheSameTokensAndStopsWhereItFails) {
  const std::vector<Token> source = {5, 6, 7, 8, 9, 6, 7, 3};
  Drafter drafter(source, 8);
  const auto propose = [&](const std::vector<Token>& ids, int room = 9) {
    return drafter.propose(ids, room);
  };
  EXPECT_EQ(propose({0, 7}), (std::vector<Token>{}));      // one token is too little
  EXPECT_EQ(propose({0, 6, 7}), (std::vector<Token>{3}));  // the latest place
  EXPECT_EQ(propose({0, 5, 6, 7}),
            (std::vector<Token>{8, 9}));  // the longest reading; two at first
  drafter.learn(2, 2);
  EXPECT_EQ(propose({0, 5, 6, 7}), (std::vector<Token>{8, 9, 6, 7}));
  EXPECT_EQ(propose({0, 5, 6, 7}, 1), (std::vector<Token>{8}));
  EXPECT_EQ(propose({0, 5, 6, 7}, 0), (std::vector<Token>{}));
  EXPECT_EQ(propose({1, 2, 4, 1, 2}), (std::vector<Token>{4, 1, 2}));  // of its own
  drafter.learn(4, 0);
  EXPECT_EQ(propose({0, 5, 6, 7}), (std::vector<Token>{}));
  EXPECT_EQ(propose({0, 5, 6, 7}), (std::vector<Token>{8}));
  EXPECT_EQ(Drafter(source, 0).propose(source, 9), (std::vector<Token>{}));
}

TEST(Sampling, IsReproducibleAndSamplesDiffer) {
  GenerateOptions options = toy_options(12);
  options.sample = true;
  options.n_best = 5;
  options.seed = 3;
  const TableModel model = random_table(20, 1);
  const auto first = run_toy(model, toy_config(20), options);
  const auto again = run_toy(model, toy_config(20), options);
  ASSERT_EQ(first.size(), 5U);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(first[i].ids, again[i].ids);
  EXPECT_NE(first[0].ids, first[1].ids);
  options.n_best = 2;  // a sample does not depend on how many others are drawn
  const auto fewer = run_toy(model, toy_config(20), options);
  EXPECT_EQ(fewer[1].ids, first[1].ids);
  options.seed = 4;
  EXPECT_NE(run_toy(model, toy_config(20), options)[0].ids, first[0].ids);
}

// A beam as wide as everything finds the true best, whatever the penalty: nothing that could still
// win is dropped.
TEST(Beam, NeverEqualsExhaustiveSearch) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    for (const double penalty : {-1.5, -0.5, 0.0, 0.6, 1.0, 2.0, 5.0}) {
      GenerateOptions options = toy_options(5);
      options.beams = 256;  // 4^4 sequences are still open at the last step
      options.n_best = 8;
      options.length_penalty = penalty;
      options.early_stopping = EarlyStopping::never;
      const TableModel model = random_table(4, seed);
      const std::vector<Sequence> all = enumerate(model, options);
      const auto got = run_toy(model, toy_config(4), options);
      ASSERT_EQ(got.size(), 8U);
      for (size_t i = 0; i < got.size(); ++i) {
        EXPECT_NEAR(got[i].score, all[i].score, 1e-5) << seed << " " << penalty << " " << i;
        EXPECT_EQ(got[i].ids, all[i].ids) << seed << " " << penalty << " " << i;
      }
    }
  }
}

// The plainest beam search there is: it never stops before the limit.
std::vector<Sequence> search_to_the_limit(const TableModel& model, const GenerateOptions& options) {
  const auto by_score = [](const Sequence& a, const Sequence& b) { return a.score > b.score; };
  std::vector<Sequence> running{{{0}, 0}};
  std::vector<Sequence> ended;
  for (int length = 1; length <= *options.max_new_tokens; ++length) {
    std::vector<Sequence> next;
    for (const Sequence& sequence : running) {
      const std::vector<float> logprobs = log_probabilities(model(sequence.ids));
      for (size_t token = 0; token < logprobs.size(); ++token) {
        next.push_back({sequence.ids, sequence.score + static_cast<double>(logprobs[token])});
        next.back().ids.push_back(static_cast<Token>(token));
      }
    }
    std::stable_sort(next.begin(), next.end(), by_score);
    next.resize(std::min(next.size(), 2 * static_cast<size_t>(options.beams)));
    running.clear();
    for (size_t i = 0; i < next.size(); ++i) {
      const auto generated = std::span<const Token>(next[i].ids).subspan(1);
      const bool ends = generated.back() == kEos || length == *options.max_new_tokens ||
                        (options.stops && options.stops(generated));
      if (!ends && running.size() < static_cast<size_t>(options.beams)) running.push_back(next[i]);
      if (!ends || i >= static_cast<size_t>(options.beams)) continue;
      const double score = next[i].score / std::pow(length, options.length_penalty);
      ended.push_back({{next[i].ids.begin() + 1, next[i].ids.end()}, score});
    }
  }
  std::stable_sort(ended.begin(), ended.end(), by_score);
  ended.resize(static_cast<size_t>(options.beams));
  return ended;
}

// A narrow beam is no complete search, but stopping early must not change what it finds.
TEST(Beam, NeverStopsOnlyWhenNothingRunningCanWin) {
  int stopped_early = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    for (const double penalty : {-1.0, 0.0, 0.7, 1.0, 3.0}) {
      GenerateOptions options = toy_options(12);
      options.beams = 3;
      options.n_best = 3;
      options.length_penalty = penalty;
      options.early_stopping = EarlyStopping::never;
      const TableModel model = random_table(5, seed);
      int n_steps = 0;
      const auto got = run_toy(model, toy_config(5), options, {}, &n_steps);
      stopped_early += n_steps < 12;
      const auto want = search_to_the_limit(model, options);
      ASSERT_EQ(got.size(), want.size());
      for (size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i].ids, want[i].ids) << seed;
    }
  }
  EXPECT_GT(stopped_early, 300);
}

// With stops a hypothesis ends where they say, and competes there as with an end mark.
TEST(Beam, EndsAtStopsAsAtEndMarks) {
  int stopped = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    for (const double penalty : {-1.0, 0.0, 1.0, 3.0}) {
      GenerateOptions options = toy_options(9);
      options.beams = 3;
      options.n_best = 3;
      options.length_penalty = penalty;
      options.early_stopping = EarlyStopping::never;
      options.stops = has_stop;
      const TableModel model = random_table(6, seed);
      const auto got = run_toy(model, toy_config(6), options);
      const auto want = search_to_the_limit(model, options);
      ASSERT_EQ(got.size(), want.size());
      for (size_t i = 0; i < got.size(); ++i) {
        EXPECT_EQ(got[i].ids, want[i].ids) << seed << " " << penalty;
        EXPECT_EQ(got[i].ids, cut_at_stop(got[i].ids));
        EXPECT_EQ(got[i].finish == Finish::stop, has_stop(got[i].ids));
        stopped += got[i].finish == Finish::stop ? 1 : 0;
      }
    }
  }
  EXPECT_GT(stopped, 300);
}

TEST(Beam, OneHypothesisOfManyBeamsIsAtLeastGreedy) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    GenerateOptions options = toy_options(6);
    options.length_penalty = 0;
    const TableModel model = random_table(6, seed);
    const auto greedy = run_toy(model, toy_config(6), options);
    options.beams = 200;
    options.early_stopping = EarlyStopping::never;
    const auto beams = run_toy(model, toy_config(6), options);
    EXPECT_GE(beams[0].score, greedy[0].logprob - 1e-5);
  }
}

TEST(Beam, ScoreIsLogprobOverLengthToThePenalty) {
  GenerateOptions options = toy_options(8);
  options.beams = 4;
  options.n_best = 4;
  options.length_penalty = 1.3;
  for (const Hypothesis& h : run_toy(random_table(9, 2), toy_config(9), options, {4, 5})) {
    const auto length = static_cast<double>(h.ids.size());
    EXPECT_NEAR(h.score, h.logprob / std::pow(length, 1.3), 1e-5);
    EXPECT_EQ(h.finish == Finish::eos, h.ids.back() == kEos);
  }
}

TEST(Beam, EqualScoresGoToTheLowerToken) {
  const TableModel flat = [](const std::vector<Token>&) { return std::vector<float>(5, 0.5F); };
  GenerateOptions options = toy_options(1);
  options.beams = 3;
  options.n_best = 3;
  const auto results = run_toy(flat, toy_config(5), options);
  ASSERT_EQ(results.size(), 3U);
  for (Token i = 0; i < 3; ++i) EXPECT_EQ(results[static_cast<size_t>(i)].ids[0], i);
}

TEST(Beam, ForcedFirstTokenAndFewerHypothesesThanAskedFor) {
  GenerateOptions options = toy_options(1);
  options.beams = 4;
  options.n_best = 4;
  options.forced_bos = 3;
  const auto results = run_toy(random_table(7, 1), toy_config(7), options);
  ASSERT_EQ(results.size(), 1U);  // the reference adds copies with a score of -1e9
  EXPECT_EQ(results[0].ids, (std::vector<Token>{3}));
  EXPECT_EQ(results[0].score, 0);       // the search saw a certain token
  EXPECT_LT(results[0].logprob, -0.1);  // the model did not
}

// With invalid values removed (here there are none) all scores are written, without it only the
// best are looked for among what is not banned.
TEST(Beam, WhatIsBannedIsPassedOver) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    GenerateOptions options = toy_options(12);
    options.beams = 2 + static_cast<int>(seed % 4);
    options.n_best = options.beams;
    options.eos = {1};
    options.min_new_tokens = 6;
    options.no_repeat_ngram = 1 + static_cast<int>(seed % 2);
    options.bad_words = {{2}, {3, 4}};
    const TableModel model = random_table(seed < 10 ? 9 : 40, seed);
    const Config config = toy_config(seed < 10 ? 9 : 40);
    const auto few = run_toy(model, config, options);
    options.remove_invalid_values = true;
    const auto all = run_toy(model, config, options);
    ASSERT_EQ(few.size(), all.size());
    ASSERT_FALSE(few.empty());
    for (size_t i = 0; i < few.size(); ++i) {
      EXPECT_EQ(few[i].ids, all[i].ids) << seed;
      EXPECT_EQ(few[i].score, all[i].score);
      EXPECT_EQ(few[i].token_logprobs, all[i].token_logprobs);
    }
  }
}

TEST(Beam, WhereAllIsBannedSomethingComes) {
  GenerateOptions options = toy_options(3);
  options.beams = 2;
  options.suppress_tokens = {0, 1, 2};
  const auto results = run_toy(random_table(3, 1), toy_config(3), options);
  EXPECT_EQ(results.size(), 1U);
}

// What goes by the source's tokens has none to go by, and says so.
TEST(Session, AMemoryOfNoTokensAnswersWithoutTheirOptions) {
  auto storage = std::make_shared<Memory::Storage>();
  storage->rows = 2;
  const Memory rows(storage);
  const auto begin = [&](const GenerateOptions& options) {
    (void)make_session(toy_config(5), options, {}, rows);
  };
  EXPECT_NO_THROW(begin(GenerateOptions()));
  GenerateOptions ngrams;
  ngrams.encoder_no_repeat_ngram = 2;
  EXPECT_THROW(begin(ngrams), Error);
  GenerateOptions penalty;
  penalty.encoder_repetition_penalty = 1.5;
  EXPECT_THROW(begin(penalty), Error);
  GenerateOptions listed;
  listed.shortlist = std::make_shared<const Shortlist>();
  EXPECT_THROW(begin(listed), Error);
}

}  // namespace
}  // namespace transept::testing
