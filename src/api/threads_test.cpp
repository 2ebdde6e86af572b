// What the public header promises: objects are safe to use from many threads. Under the thread
// sanitizer this also looks for races.
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "transept/transept.h"

namespace transept {
namespace {

struct Answer {
  std::vector<Token> ids;
  double logprob = 0;
  double score = 0;
  std::string text;
  bool operator==(const Answer&) const = default;
};

// Everything that can be asked about one Memory.
std::vector<Answer> ask_all(const Model& model, const Memory& memory) {
  std::vector<Token> allowed(40);
  for (size_t i = 0; i < allowed.size(); ++i) allowed[i] = static_cast<Token>(i);
  std::vector<Answer> answers;
  for (const GenerateOptions& options : {
           GenerateOptions{.max_new_tokens = 8},
           GenerateOptions{.beams = 3, .max_new_tokens = 8},
           GenerateOptions{.max_new_tokens = 8, .sample = true, .seed = 7},
           GenerateOptions{.max_new_tokens = 8, .vocabulary = allowed},
       }) {
    const Hypothesis best = model.generate(memory, options).front();
    const double score = model.score(memory, best.ids).logprob;
    answers.push_back({best.ids, best.logprob, score, best.text});
  }
  return answers;
}

TEST(Threads, OneModelAndItsMemoriesAnswerAllCallersAsOne) {
  const Model model = Model::load(TRANSEPT_FIXTURES "/models/tiny-t5-text", {.threads = 2});
  const std::string text = "The quick brown fox";
  const std::vector<Answer> expected = ask_all(model, model.encode(text));

  constexpr size_t kCallers = 4;
  const Model fresh = Model::load(TRANSEPT_FIXTURES "/models/tiny-t5-text", {.threads = 2});
  const Memory shared = fresh.encode(text);  // nobody has asked about it yet
  std::array<std::vector<Answer>, kCallers> of_shared;
  std::array<std::vector<Answer>, kCallers> of_own;
  {
    std::array<std::jthread, kCallers> callers;
    for (size_t i = 0; i < kCallers; ++i) {
      callers[i] = std::jthread([&, i] {
        of_shared[i] = ask_all(fresh, shared);
        of_own[i] = ask_all(fresh, fresh.encode(text));
      });
    }
  }
  for (size_t i = 0; i < kCallers; ++i) {
    EXPECT_EQ(of_shared[i], expected) << "caller " << i;
    EXPECT_EQ(of_own[i], expected) << "caller " << i;
  }
  EXPECT_EQ(fresh.stats().encoder_runs, 1 + static_cast<std::int64_t>(kCallers));
}

}  // namespace
}  // namespace transept
