#include "train/config.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"

namespace transept::testing {
namespace {

const std::string kLeast =
    "output = \"out\"\ndata.train = \"train.tsv\"\ndata.valid = [\"a\", \"b\"]\ntokenizer.folder = "
    "\"tokenizer\"\n";

TrainConfig parse(const std::string& more, const std::filesystem::path& folder = {}) {
  return make_train_config(parse_toml(kLeast + more, "t.toml"), folder);
}

std::string error_of(const std::string& more) {
  try {
    (void)parse(more);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(TrainConfig, ReadsTablesAndKeepsDefaults) {
  const TrainConfig c = parse(
      "[model]\nfamily = \"t5\"\nd_model = 64\n[optimizer]\nlearning_rate = 1e-3\n"
      "[validation]\nmetrics = [\"bleu\"]\nbest = \"bleu\"\n");
  EXPECT_EQ(c.model.family, "t5");
  EXPECT_EQ(c.model.d_model, 64);
  EXPECT_EQ(c.optimizer.learning_rate, 1e-3);
  EXPECT_EQ(c.data.valid.size(), 2u);
  EXPECT_EQ(c.model.heads, TrainConfig().model.heads);
}

TEST(TrainConfig, PathsOfAFileAreRelativeToIt) {
  EXPECT_EQ(parse("", "recipes/x").data.train[0], "recipes/x/train.tsv");
  const auto [key, value] = parse_setting("output=other");
  ConfigEntries entries = parse_toml(kLeast, "t.toml");
  entries.emplace_back(key, value);
  EXPECT_EQ(make_train_config(entries, "recipes/x").output, "other");
}

TEST(TrainConfig, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(error_of("[optimizer]\nlearnin_rate = 1\n"),
            "t.toml:6: optimizer.learnin_rate: unknown key; did you mean optimizer.learning_rate?");
  EXPECT_EQ(error_of("[model]\nlearning_rate = 1\n"),
            "t.toml:6: model.learning_rate: unknown key; did you mean optimizer.learning_rate?");
  EXPECT_EQ(error_of("[zzz]\nqqqqqqqqqqq = 1\n"),
            "t.toml:6: zzz.qqqqqqqqqqq: unknown key; docs/training.md lists them all");
  EXPECT_EQ(error_of("[model]\nheads = \"four\"\n"),
            "t.toml:6: model.heads: expected a whole number from 1 to 1024");
  EXPECT_EQ(error_of("[optimizer]\nbeta2 = 1.5\n"),
            "t.toml:6: optimizer.beta2: expected a number from 0 to 0.999999999");
  EXPECT_NE(error_of("[validation]\nbest = \"bleu\"\n"), "");  // is not measured
  EXPECT_NE(error_of("[model]\nfrom = \"a\"\nencoder = \"b\"\n"), "");
  EXPECT_NE(error_of("x = \n"), "");
}

TEST(TrainConfig, WhatIsWrittenReadsBackTheSame) {
  TrainConfig c = parse("[average]\nema = 0.999\n");
  const TrainConfig again = make_train_config(parse_toml(to_toml(c), "x"), {});
  EXPECT_EQ(to_toml(again), to_toml(c));
  c.output = "a \"b\"\\\n\t\x01\x7f ü";
  EXPECT_EQ(make_train_config(parse_toml(to_toml(c), "x"), {}).output, c.output);
}

TEST(TrainConfig, EveryKeyIsDocumented) {
  const std::string page = read_file(std::string(TRANSEPT_SOURCE) + "/docs/training.md");
  for (const ConfigKey& key : list_keys(TrainConfig())) {
    EXPECT_NE(page.find("`" + key.name + "`"), std::string::npos) << key.name;
  }
}

}  // namespace
}  // namespace transept::testing
