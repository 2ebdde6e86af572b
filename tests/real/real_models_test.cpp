// Real models, which are not part of the repository: used where they are, and the test says so
// where they are not.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/json.h"
#include "generate/scheduler.h"
#include "io/checkpoint.h"
#include "text/tokenizer.h"

namespace transept {
namespace {

namespace fs = std::filesystem;

std::vector<Token> tokens_of(const Json& json) {
  std::vector<Token> ids;
  json.each_element(
      [&](size_t, const Json& id) { ids.push_back(static_cast<Token>(id.as_int())); });
  return ids;
}

// Letters to sounds with a small BART: 2,000 words, ids from the reference framework
// (tools/fixtures/g2p.py).
TEST(RealModels, LettersToSoundsEqualTheReference) {
  const fs::path folder = fs::path(TRANSEPT_SHARED) / "fixtures/g2p-bart-us";
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is not here";
  ThreadPool pool;
  const Checkpoint checkpoint = load_checkpoint(folder, pool, {});
  const JsonDocument expected =
      JsonDocument::load(std::string(TRANSEPT_FIXTURES) + "/g2p/expected.json");
  Scheduler scheduler(*checkpoint.model, pool, {.max_requests = 64});
  int words = 0;
  int equal = 0;
  expected.root().each_element([&](size_t, const Json& entry) {
    const std::vector<Json> parts = entry.elements();
    Request request;
    request.source = tokens_of(parts[1]);
    request.options = options_from_json(checkpoint.config_json, checkpoint.generation_config_json);
    request.on_finished = [&, want = tokens_of(parts[2])](const std::vector<Hypothesis>& got) {
      ++words;
      equal += got[0].ids == want ? 1 : 0;
    };
    scheduler.add(std::move(request));
  });
  scheduler.run();
  EXPECT_EQ(words, 2000);
  EXPECT_EQ(equal, words);
}

// FLAN-T5-small as `./dev flan` makes it.
TEST(RealModels, FlanTranslatesTheHouse) {
  const fs::path folder = fs::path(TRANSEPT_SOURCE) / "build/flan-t5-small";
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is not here: ./dev flan makes it";
  ThreadPool pool;
  const Checkpoint checkpoint = load_checkpoint(folder, pool, {});
  const std::unique_ptr<Tokenizer> tokenizer = load_tokenizer(folder);
  const std::string input = "translate English to German: The house is wonderful.";
  for (const int beams : {1, 4}) {
    Scheduler scheduler(*checkpoint.model, pool);
    Request request;
    request.source = tokenizer->encode(input).ids;
    request.options = options_from_json(checkpoint.config_json, checkpoint.generation_config_json);
    request.options.beams = beams;
    std::string text;
    request.on_finished = [&](const std::vector<Hypothesis>& got) {
      text = tokenizer->decode(got[0].ids);
    };
    scheduler.add(std::move(request));
    scheduler.run();
    EXPECT_EQ(text, "Das Haus ist wunderbar.") << beams << " beams";
  }
}

}  // namespace
}  // namespace transept
