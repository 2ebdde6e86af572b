// Guessing changes how many decoder passes an answer takes, and nothing of the answer, to the bit.
#include <fmt/format.h>

#include "generate/session.h"
#include "generate/step.h"
#include "support/golden.h"

namespace transept::testing {
namespace {

struct Answer {
  Hypothesis hypothesis;
  int passes = 0;
};

class Guessing : public ::testing::TestWithParam<Case> {
 protected:
  Rig rig{GetParam().model, *GetParam().kernels, 2, GetParam().storage};

  Answer answer(const std::vector<Token>& source, const GenerateOptions& options) {
    rig.arena.clear();
    Context c = rig.context();
    Memory memory;
    if (rig.model.config.has_encoder())
      memory = encode_memories(c, rig.model, std::vector<std::vector<Token>>{source})[0];
    const std::vector<Token> prompt =
        rig.model.config.has_encoder() ? std::vector<Token>{} : source;
    const auto session = make_session(rig.model.config, options, prompt, memory);
    Answer answer;
    for (; !session->finished(); ++answer.passes) {
      run_step(c, rig.model, step_rows(*session));
      session->advance();
    }
    answer.hypothesis = session->take_results().front();
    return answer;
  }
};

TEST_P(Guessing, ChangesOnlyTheNumberOfPasses) {
  GenerateOptions options =
      options_from_json(rig.checkpoint.config_json, rig.checkpoint.generation_config_json);
  options.beams = 1;
  options.max_new_tokens = 40;
  options.min_new_tokens = 40;  // what these models say soon repeats itself
  int passes = 0;
  int plain_passes = 0;
  for (int kind = 0; kind < 8; ++kind) {
    options.repetition_penalty = kind % 4 == 1 ? 1.1 : 1;
    options.no_repeat_ngram = kind % 4 == 2 ? 6 : 0;
    options.logprobs = kind % 2 == 0;
    const std::vector<Token> source = {5 + kind, 9, 4, 11, 9, 4, 7 + kind, 3};
    options.speculate = 0;
    const Answer plain = answer(source, options);
    for (const int most : {1, 8, 64}) {
      options.speculate = most;
      const Answer guessed = answer(source, options);
      EXPECT_EQ(guessed.hypothesis.ids, plain.hypothesis.ids) << kind << " " << most;
      EXPECT_EQ(guessed.hypothesis.token_logprobs, plain.hypothesis.token_logprobs) << kind;
      plain_passes += plain.passes;
      passes += guessed.passes;
    }
  }
  EXPECT_LT(passes, plain_passes);
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const char* model : {"t5-v1_1", "bart", "marian", "m2m100", "gpt2"})
    for (const KernelTable* table : available_kernels())
      for (const Storage storage : {Storage::f32, Storage::int8, Storage::int4})
        cases.push_back({model, table, storage});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Models, Guessing, ::testing::ValuesIn(all_cases()), [](const auto& each) {
  return fmt::format("{}_{}_{}", test_name(each.param.model), each.param.kernels->name,
                     name_of(each.param.storage));
});

}  // namespace
}  // namespace transept::testing
