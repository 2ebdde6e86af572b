#include "compare/compare.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "model/random.h"

namespace transept {
namespace {

Config small_config() {
  Config config;
  config.family = "marian";
  StackConfig s{.layers = 3, .d_model = 32, .n_heads = 4, .d_head = 8, .d_ff = 64, .vocab = 50};
  s.positions = Positions::sinusoid_halves;
  s.max_positions = 64;
  s.query_scale = 0.35F;
  config.encoder = config.decoder = s;
  config.decoder.layers = 2;
  config.decoder.causal = config.decoder.cross = true;
  config.decoder.cross_width = s.d_model;
  config.shared_embeddings = true;
  config.head = {.present = true, .tied = true, .bias = true};
  return config;
}

class Compare : public ::testing::Test {
 protected:
  ThreadPool pool{1};
  Arena arena;
  Context c{arena, pool, chosen_kernels()};
  Transformer model = random_model(small_config(), pool, chosen_kernels());
  Transformer twin = random_model(decoder_only_twin(model), pool, chosen_kernels());
};

TEST_F(Compare, TheTwinHasAsManyParametersAndNoEncoder) {
  EXPECT_FALSE(twin.config.has_encoder());
  EXPECT_FALSE(twin.config.decoder.cross);
  EXPECT_NO_THROW(check_config(twin.config));
  const auto own = static_cast<double>(count_parameters(model));
  EXPECT_NEAR(static_cast<double>(count_parameters(twin)) / own, 1, 0.15);
  EXPECT_THROW((void)decoder_only_twin(twin), Error);
}

TEST_F(Compare, TheTwinIsStoredAsTheModelIs) {
  EXPECT_EQ(storage_of(random_twin(model, pool, chosen_kernels())), Storage::f32);
  visit(model, [](const std::string&, Weight& weight, int, int, Role role) {
    if (role == Role::product || role == Role::both) weight.storage = Storage::int8;
  });
  finish(model, pool, chosen_kernels());
  EXPECT_EQ(storage_of(random_twin(model, pool, chosen_kernels())), Storage::int8);
}

TEST_F(Compare, MeasuresBothAndCountsWhatIsKept) {
  const CompareSettings settings{
      .input_tokens = 40, .prompt_tokens = 3, .output_tokens = 5, .repeats = 2};
  const Comparison found = compare(c, model, twin, settings);
  for (const AskingCost& cost : {found.encoder_decoder, found.decoder_only}) {
    EXPECT_GT(cost.read_ms, 0);
    EXPECT_GT(cost.prompt_ms, 0);
    EXPECT_GT(cost.token_ms, 0);
  }
  EXPECT_EQ(found.encoder_decoder.stored_bytes, size_t{40} * 32 * sizeof(float));
  // Keys and values of two layers beside the hidden states; of every layer of the twin.
  EXPECT_GE(found.encoder_decoder.kept_bytes, size_t{40} * 32 * (1 + 2 * 2) * sizeof(float));
  EXPECT_GE(found.decoder_only.kept_bytes,
            size_t{40} * 32 * 2 * static_cast<size_t>(twin.config.decoder.layers) * sizeof(float));
}

TEST_F(Compare, RefusesWhatCannotBeCompared) {
  EXPECT_THROW((void)compare(c, twin, twin, {}), Error);
  EXPECT_THROW((void)compare(c, model, model, {}), Error);
  EXPECT_THROW((void)compare(c, model, twin, {.input_tokens = 65}), Error);
}

TEST(Comparison, BreakEven) {
  Comparison found;
  found.encoder_decoder = {.read_ms = 10, .prompt_ms = 1, .token_ms = 1};
  found.decoder_only = {.read_ms = 4, .prompt_ms = 2, .token_ms = 1};
  EXPECT_EQ(found.faster_from(8), 7);  // 10 + 7 * 8 = 66 against 4 + 7 * 9 = 67
  EXPECT_DOUBLE_EQ(found.encoder_decoder.total_ms(7, 8), 66);
  EXPECT_DOUBLE_EQ(found.decoder_only.total_ms(7, 8), 67);
  found.decoder_only.prompt_ms = 1;
  EXPECT_EQ(found.faster_from(8), std::nullopt);
  found.encoder_decoder.read_ms = 1;
  EXPECT_EQ(found.faster_from(8), 1);
}

}  // namespace
}  // namespace transept
