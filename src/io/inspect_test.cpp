#include "io/inspect.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "io/support.h"

namespace transept::testing {
namespace {

TEST(Inspect, AWholeFolder) {
  const TemporaryFolder folder;
  write_model(folder.path(), tiny_t5(), make_tensors(tiny_t5()));
  const Report report = inspect(folder.path(), pool());
  ASSERT_TRUE(report.model.has_value());
  EXPECT_EQ(report.model->family, "t5");
  EXPECT_EQ(report.model->config.encoder.d_head, 3);
  // Table 6; per stack a bias of 4 and a final norm of 2; attention 24 and norm 2 (one in the
  // encoder, two in the decoder); gated feed-forward 12 and norm 2.
  EXPECT_EQ(report.model->parameters, 6 + 2 * (4 + 2) + 3 * (24 + 2) + 2 * (12 + 2));
  EXPECT_EQ(report.model->stored_bytes.at("f32"),
            4 * static_cast<size_t>(report.model->parameters));
  EXPECT_EQ(report.model->fingerprint.size(), 32u);
  ASSERT_EQ(report.problems.size(), 1u) << to_text(report);  // it has no tokenizer
  const std::string json = to_json(report);
  EXPECT_EQ(JsonDocument::parse(json, "x").root().at("model").at("family").as_string(), "t5");
  EXPECT_EQ(json.find('\n'), std::string::npos);
}

TEST(Inspect, ABrokenFolderIsDescribedAsFarAsItGoes) {
  const TemporaryFolder folder;
  ModelTensors tensors = make_tensors(tiny_bart());
  tensors.erase("model.shared.weight");
  write_model(folder.path(), tiny_bart(), tensors);
  const Report report = inspect(folder.path(), pool());
  EXPECT_EQ(report.model->family, "bart");
  EXPECT_EQ(report.model->fingerprint, "");
  ASSERT_GE(report.problems.size(), 1u);
  EXPECT_NE(report.problems[0].find("no tensor model.shared.weight [5, 2]"), std::string::npos);
  EXPECT_NE(to_text(report).find("problem      "), std::string::npos);
}

TEST(Inspect, WhatIsNotThereIsAProblem) {
  const TemporaryFolder folder;
  EXPECT_EQ(inspect(folder.path() / "none", pool()).problems.size(), 1u);
  EXPECT_GE(inspect(folder.path(), pool()).problems.size(), 1u);
  write_text(folder.path() / "m.memory", "not a memory");
  const Report report = inspect(folder.path() / "m.memory", pool());
  EXPECT_FALSE(report.memory.has_value());
  EXPECT_EQ(report.problems.size(), 1u);
}

}  // namespace
}  // namespace transept::testing
