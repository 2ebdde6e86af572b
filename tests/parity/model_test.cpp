// parity: every family's encoder output, attention, hidden states, logits, probabilities and loss
// equal the reference framework's within 1e-4 relative, on every instruction set of this machine.
#include <fmt/format.h>

#include "support/golden.h"

namespace transept::testing {
namespace {

std::vector<Case> all_cases() {
  return cases_of([](const std::string&) { return true; });
}

class ModelParity : public ::testing::TestWithParam<Case> {
 protected:
  Rig rig{GetParam().model, *GetParam().kernels};
  Golden golden{GetParam().model};
};

std::vector<float> probabilities(ConstTensor logits) {
  std::vector<float> out;
  for (int r = 0; r < logits.rows; ++r) {
    const float* row = logits.row(r);
    const float most = *std::max_element(row, row + logits.cols);
    double sum = 0;
    for (int i = 0; i < logits.cols; ++i) sum += std::exp(double{row[i]} - most);
    for (int i = 0; i < logits.cols; ++i) {
      out.push_back(static_cast<float>(std::exp(double{row[i]} - most) / sum));
    }
  }
  return out;
}

TEST_P(ModelParity, EncoderOutput) {
  if (!rig.model.config.has_encoder()) GTEST_SKIP() << "no encoder";
  for (int i = 0; i < 3; ++i) {
    Context c = rig.context();
    Batch batch;
    const auto source = golden.tokens(fmt::format("source.{}", i));
    batch.add(static_cast<int>(source.size()));
    expect_close(encode(c, rig.model, batch, source), golden.floats(fmt::format("encoder.{}", i)),
                 fmt::format("encoder.{}", i));
  }
}

TEST_P(ModelParity, LogitsProbabilitiesAndLoss) {
  if (!rig.model.config.head.present) GTEST_SKIP() << "no head";
  for (int i = 0; i < 3; ++i) {
    const Tensor got = rig.forward(golden.tokens(fmt::format("source.{}", i)),
                                   golden.tokens(fmt::format("target.{}", i)));
    expect_close(got, golden.floats(fmt::format("logits.{}", i)), fmt::format("logits.{}", i));
    const std::vector<float> probs = probabilities(got);
    expect_close({probs.data(), got.rows, got.cols}, golden.floats(fmt::format("probs.{}", i)),
                 fmt::format("probs.{}", i));
    const auto labels = golden.tokens(fmt::format("labels.{}", i));
    double loss = 0;
    for (int r = 0; r < got.rows; ++r) {
      loss -= std::log(
          double{probs[static_cast<size_t>(r * got.cols + labels[static_cast<size_t>(r)])]});
    }
    EXPECT_NEAR(loss / got.rows, golden.floats(fmt::format("loss.{}", i))[0],
                1e-4 * std::abs(loss / got.rows));
  }
}

TEST_P(ModelParity, AttentionAndHiddenStates) {
  Recorder recorder;
  const auto source = golden.tokens("source.1");
  if (rig.model.config.head.present) {
    (void)rig.forward(source, golden.tokens("target.1"), &recorder);
  } else {
    Context c = rig.context(&recorder);
    Batch batch;
    batch.add(static_cast<int>(source.size()));
    (void)encode(c, rig.model, batch, source);
  }
  int compared = 0;
  const auto compare = [&](const std::string& want, const std::string& site) {
    if (!golden.has(want)) return;
    ASSERT_TRUE(recorder.seen.contains(site)) << site;
    const auto& got = recorder.seen[site];
    expect_close({got.data(), 1, static_cast<int>(got.size())}, golden.floats(want), want);
    ++compared;
  };
  for (int layer = 0; layer < 8; ++layer) {
    compare(fmt::format("encoder_attn.{}", layer), fmt::format("encoder.{}.self.probs", layer));
    compare(fmt::format("decoder_attn.{}", layer), fmt::format("decoder.{}.self.probs", layer));
    compare(fmt::format("cross_attn.{}", layer), fmt::format("decoder.{}.cross.probs", layer));
    for (const char* stack : {"encoder", "decoder"}) {
      compare(fmt::format("{}_hidden.{}", stack, layer),
              layer == 0 ? fmt::format("{}.embedded", stack)
                         : fmt::format("{}.{}.ffn.out", stack, layer - 1));
    }
  }
  EXPECT_GT(compared, 0);
}

TEST_P(ModelParity, FarRelativePositions) {
  if (!golden.has("long.source")) GTEST_SKIP() << "no long case";
  Recorder recorder;
  const Tensor got =
      rig.forward(golden.tokens("long.source"), golden.tokens("long.target"), &recorder);
  const auto& hidden = recorder.seen["encoder.hidden"];
  const auto first = golden.floats("long.encoder_first");
  const auto last = golden.floats("long.encoder_last");
  const int d = rig.model.config.encoder.d_model;
  expect_close({hidden.data(), 4, d}, first, "long.encoder_first");
  expect_close({hidden.data() + hidden.size() - last.size(), 4, d}, last, "long.encoder_last");
  expect_close(got.slice(got.rows - 4, got.rows), golden.floats("long.logits_last"),
               "long.logits_last");
}

INSTANTIATE_TEST_SUITE_P(Families, ModelParity, ::testing::ValuesIn(all_cases()),
                         [](const auto& test) {
                           return test_name(test.param.model) + "_" + test.param.kernels->name;
                         });

}  // namespace
}  // namespace transept::testing
