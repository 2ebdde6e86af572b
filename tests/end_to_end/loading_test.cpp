// What loading holds in memory, told by --stats.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "base/folder_testing.h"
#include "base/json.h"
#include "end_to_end/command.h"
#include "io/checkpoint.h"
#include "io/import/import.h"
#include "model/random.h"

namespace transept::testing {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

constexpr const char* kConfig = R"({"model_type": "marian", "vocab_size": 24001, "d_model": 512,
  "encoder_layers": 1, "encoder_attention_heads": 8, "encoder_ffn_dim": 1024, "decoder_layers": 1,
  "decoder_attention_heads": 8, "decoder_ffn_dim": 1024, "max_position_embeddings": 64,
  "activation_function": "swish", "scale_embedding": true, "pad_token_id": 24000,
  "eos_token_id": 0, "decoder_start_token_id": 24000})";

std::filesystem::path save_random_model(const TemporaryFolder& folder) {
  ThreadPool pool(1);
  const JsonDocument document = JsonDocument::parse(kConfig, "config.json");
  const Config config =
      import_model(document.root(), [](const auto&, const auto&) { return false; }).config;
  save_checkpoint(folder.path(), random_model(config, pool, chosen_kernels()), kConfig);
  return folder.path() / "model.safetensors";
}

int64_t peak_bytes(const std::string& folder, const char* dtype) {
  const Result result = transept({"generate", folder, "--dtype", dtype, "--source-ids", "--input",
                                  "5 9 0", "--max-new-tokens", "2", "--stats"});
  EXPECT_EQ(result.code, 0) << result.err;
  return JsonDocument::parse(result.err, "stats").root().at("peak_bytes").as_int();
}

// A matrix is read, packed and let go of before the next one: never twice the weights.
TEST(Loading, HoldsTheWeightsOnce) {
  if (kSanitized) GTEST_SKIP() << "sanitizers keep memory of their own";
  const TemporaryFolder folder;
  const auto file = static_cast<int64_t>(std::filesystem::file_size(save_random_model(folder)));
  ASSERT_GT(file, 50'000'000);
  constexpr int64_t kProgram = 25'000'000;  // itself, the embedded model's pages, libraries
  // One matrix at a time is there as its file has it: the largest is most of this model.
  constexpr int64_t kLargest = int64_t{24001} * 512 * sizeof(float);
  EXPECT_LT(peak_bytes(folder.path(), "f32"), std::max(file + file / 4, 2 * kLargest) + kProgram);
  EXPECT_LT(peak_bytes(folder.path(), "bf16"), file / 2 + kLargest + kProgram);
  EXPECT_LT(peak_bytes(folder.path(), "int8"), file / 4 + kLargest + kProgram);
}

}  // namespace
}  // namespace transept::testing
