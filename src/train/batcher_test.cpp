#include "train/batcher.h"

#include <gtest/gtest.h>

#include <set>

#include "train/collate.h"
#include "train/schedule.h"

namespace transept::testing {
namespace {

std::vector<Example> examples(int n) {
  std::vector<Example> out(static_cast<size_t>(n));
  for (int i = 0; i < n; ++i) {
    out[static_cast<size_t>(i)].source.resize(static_cast<size_t>(1 + i % 7), i);
    out[static_cast<size_t>(i)].target.resize(static_cast<size_t>(2 + i * 5 % 13));
  }
  return out;
}

TEST(Batcher, EveryExampleOnceAndWithinTheBudget) {
  const std::vector<Example> all = examples(500);
  for (const char* order : {"length", "random"}) {
    const TrainConfig::Batches options{.tokens = 40, .source_tokens = 30, .order = order};
    std::multiset<uint32_t> seen;
    for (const BatchIndices& batch : make_batches(all, options, 1, 0)) {
      int targets = 0;
      size_t sources = 0;
      for (const uint32_t i : batch) {
        seen.insert(i);
        targets += all[i].rows();
        sources += all[i].source.size();
      }
      EXPECT_LE(targets, 40);
      EXPECT_LE(sources, 30u);
    }
    EXPECT_EQ(seen.size(), 500u);
    EXPECT_EQ(std::set<uint32_t>(seen.begin(), seen.end()).size(), 500u);
  }
}

TEST(Batcher, OrderDependsOnSeedAndEpochAlone) {
  const std::vector<Example> all = examples(100);
  const TrainConfig::Batches options{.tokens = 40};
  EXPECT_EQ(make_batches(all, options, 1, 3), make_batches(all, options, 1, 3));
  EXPECT_NE(make_batches(all, options, 1, 3), make_batches(all, options, 1, 4));
  EXPECT_NE(make_batches(all, options, 1, 3), make_batches(all, options, 2, 3));
}

TEST(Batcher, ALongExampleIsABatchOfItsOwn) {
  std::vector<Example> all = examples(3);
  all[1].target.resize(100);
  const TrainConfig::Batches options{.tokens = 20};
  EXPECT_EQ(cut_in_order(all, options), (std::vector<BatchIndices>{{0}, {1}, {2}}));
}

TEST(Batcher, WhatAsksTheSameInputStandsTogether) {
  std::vector<Example> all = examples(300);
  for (size_t i = 200; i < 300; ++i) all[i].source = all[i % 20].source;  // each five times more
  for (const char* order : {"length", "random"}) {
    const TrainConfig::Batches options{.tokens = 400, .source_tokens = 300, .order = order};
    int64_t encoded = 0;
    std::multiset<uint32_t> seen;
    for (const BatchIndices& batch : make_batches(all, options, 1, 0)) {
      encoded += static_cast<int64_t>(collate(all, batch, 0).source.sequences.size());
      seen.insert(batch.begin(), batch.end());
    }
    EXPECT_EQ(encoded, 200) << order;
    EXPECT_EQ(seen.size(), 300u) << order;
  }
}

TEST(Batcher, AnInputThatIsAskedTooOftenIsCut) {
  std::vector<Example> all = examples(100);
  for (Example& example : all) example.source = {1};
  for (const int tokens : {20, 10'000}) {
    const TrainConfig::Batches options{.tokens = tokens, .order = "random"};
    size_t seen = 0;
    for (const BatchIndices& batch : make_batches(all, options, 1, 0)) {
      EXPECT_LE(collate(all, batch, 0).target.rows(), tokens);
      seen += batch.size();
    }
    EXPECT_EQ(seen, 100u);
  }
}

TEST(Schedule, RisesThenFalls) {
  TrainConfig c;
  c.optimizer.learning_rate = 2;
  c.optimizer.warmup_steps = 10;
  c.optimizer.final_ratio = 0.25;
  c.length.max_steps = 110;
  for (const char* kind : {"inverse_sqrt", "linear", "cosine", "constant"}) {
    c.optimizer.schedule = kind;
    EXPECT_DOUBLE_EQ(learning_rate(c, 5), 1) << kind;
    EXPECT_DOUBLE_EQ(learning_rate(c, 10), 2) << kind;
  }
  EXPECT_DOUBLE_EQ(learning_rate(c, 100), 2);
  c.optimizer.schedule = "inverse_sqrt";
  EXPECT_DOUBLE_EQ(learning_rate(c, 40), 1);
  c.optimizer.schedule = "linear";
  EXPECT_DOUBLE_EQ(learning_rate(c, 60), 1.25);
  EXPECT_DOUBLE_EQ(learning_rate(c, 110), 0.5);
  c.optimizer.schedule = "cosine";
  EXPECT_DOUBLE_EQ(learning_rate(c, 60), 1.25);
  EXPECT_DOUBLE_EQ(learning_rate(c, 200), 0.5);
  c.optimizer.schedule = "linear";
  c.optimizer.decay_steps = 40;
  EXPECT_DOUBLE_EQ(learning_rate(c, 70), 2);
  EXPECT_DOUBLE_EQ(learning_rate(c, 90), 1.25);
  EXPECT_DOUBLE_EQ(learning_rate(c, 110), 0.5);
}

}  // namespace
}  // namespace transept::testing
