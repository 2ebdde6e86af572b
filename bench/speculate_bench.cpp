// What guessing saves (GenerateOptions::speculate): a file's lines answered greedily, one thread,
// with guesses and without in turns. Processor time; medians. The answers must be equal.
//   speculate_bench MODEL FILE [PROMPT] [PREFIX of each line] [inputs together] [dtype]
#include <fmt/core.h>

#include <cstdlib>
#include <ctime>
#include <fstream>

#include "base/timing.h"
#include "transept/transept.h"

namespace transept {
namespace {

constexpr int kRounds = 5;
constexpr size_t kMostLines = 60;

struct Run {
  double ms = 0;
  std::vector<std::vector<Token>> answers;

  [[nodiscard]] size_t tokens() const {
    size_t n = 0;
    for (const auto& answer : answers) n += answer.size();
    return n;
  }
};

Run answer(const Model& model, std::span<const Request> requests, int together, int speculate) {
  Run run{.answers = std::vector<std::vector<Token>>(requests.size())};
  const GenerateOptions options{
      .beams = 1, .n_best = 1, .max_new_tokens = 200, .speculate = speculate, .logprobs = false};
  const std::clock_t begin = std::clock();
  for (size_t first = 0; first < requests.size(); first += static_cast<size_t>(together)) {
    const size_t n = std::min(static_cast<size_t>(together), requests.size() - first);
    model.generate_batch(requests.subspan(first, n), options, {.max_inputs = together},
                         [&](size_t i, std::vector<Hypothesis> found) {
                           run.answers[first + i] = std::move(found.front().ids);
                           return true;
                         });
  }
  run.ms = 1e3 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  return run;
}

int run(int argc, char** argv) {
  const auto argument = [&](int i) { return argc > i ? std::string(argv[i]) : std::string(); };
  const bool is_default = argument(1) == "default";
  const Model model = Model::load(is_default ? default_model() : std::filesystem::path(argument(1)),
                                  {.threads = 1, .dtype = argument(6)});
  std::ifstream file(argument(2));
  std::vector<Request> requests;
  for (std::string line; requests.size() < kMostLines && std::getline(file, line);) {
    requests.push_back({.memory = model.encode(argument(4) + line),
                        .source = {},
                        .prompt = model.prompt_ids(argument(3))});
  }
  const int together = argc > 5 ? std::atoi(argv[5]) : 1;
  std::vector<double> plain_ms;
  std::vector<double> guessed_ms;
  size_t tokens = 0;
  for (int round = 0; round < kRounds; ++round) {
    const Run plain = answer(model, requests, together, 0);
    const Run guessed = answer(model, requests, together, 8);
    if (plain.answers != guessed.answers) {
      fmt::print(stderr, "the answers differ\n");
      return 1;
    }
    tokens = plain.tokens();
    plain_ms.push_back(plain.ms);
    guessed_ms.push_back(guessed.ms);
  }
  fmt::print(
      "{} inputs, {} together, {} tokens: {:.3f} ms per token, {:.3f} with guesses: {:.2f} "
      "times as fast\n",
      requests.size(), together, tokens, median(plain_ms) / static_cast<double>(tokens),
      median(guessed_ms) / static_cast<double>(tokens), median(plain_ms) / median(guessed_ms));
  return 0;
}

}  // namespace
}  // namespace transept

int main(int argc, char** argv) {
  return transept::run(argc, argv);
}
