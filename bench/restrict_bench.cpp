// What it saves to say only some tokens: requests of 32 tokens, 32 answered, greedy, on models of
// random weights; every token, a vocabulary that all requests share, a shortlist of its own for
// each. Alternating; medians.
//   restrict_bench [threads] [rounds]
#include <fmt/core.h>

#include <cstdlib>
#include <ctime>
#include <map>

#include "base/timing.h"
#include "generate/scheduler.h"
#include "marian_shapes.h"
#include "model/encoder.h"
#include "model/random.h"

namespace transept {
namespace {

constexpr int kLength = 32;

// 100 tokens that are always allowed and 50 for each source token, spread over the vocabulary.
std::shared_ptr<const Shortlist> spread_shortlist(int vocab) {
  Shortlist shortlist{.n_targets = vocab, .first = 100, .offsets = {0}, .targets = {}};
  uint32_t state = 1;
  for (int source = 0; source < vocab; ++source) {
    for (int i = 0; i < 50; ++i) {
      state = state * 1664525U + 1013904223U;  // Numerical Recipes, 7.1
      shortlist.targets.push_back(static_cast<Token>((state >> 8) % static_cast<uint32_t>(vocab)));
    }
    shortlist.offsets.push_back(shortlist.targets.size());
  }
  return std::make_shared<const Shortlist>(std::move(shortlist));
}

std::shared_ptr<const std::vector<Token>> spread_vocabulary(int vocab, int n) {
  std::vector<Token> tokens;
  for (int i = 0; i < n; ++i) tokens.push_back(static_cast<Token>(int64_t{i} * vocab / n));
  return std::make_shared<const std::vector<Token>>(std::move(tokens));
}

// Processor time: other programs do not count, but with several threads waiting does.
double decode_ms(const Transformer& model, ThreadPool& pool, std::span<const Memory> memories,
                 const GenerateOptions& options) {
  const std::clock_t begin = std::clock();
  Scheduler scheduler(model, pool);
  for (const Memory& memory : memories) {
    scheduler.add({.source = {},
                   .memory = memory,
                   .prompt = {},
                   .options = options,
                   .on_token = {},
                   .on_finished = {}});
  }
  scheduler.run();
  return 1e3 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

std::vector<Memory> encode_inputs(const Transformer& model, ThreadPool& pool, int n) {
  Arena arena;
  Context c{arena, pool, chosen_kernels()};
  std::vector<std::vector<Token>> inputs;
  for (int i = 0; i < n; ++i)
    inputs.push_back(varied_tokens(kLength, model.config.encoder.vocab, i * kLength));
  return encode_memories(c, model, inputs);
}

void measure(const char* name, const Config& config, Storage storage, ThreadPool& pool,
             int rounds) {
  const Transformer model = random_model(config, pool, chosen_kernels(), storage);
  GenerateOptions all;
  all.decoder_start = 0;
  all.eos = {0};
  all.min_new_tokens = kLength;
  all.max_new_tokens = kLength;
  all.logprobs = false;
  GenerateOptions some = all;
  some.vocabulary = spread_vocabulary(config.decoder.vocab, 1000);
  GenerateOptions listed = all;
  listed.shortlist = spread_shortlist(config.decoder.vocab);
  for (const int n_requests : {1, 32}) {
    const std::vector<Memory> memories = encode_inputs(model, pool, n_requests);
    std::map<std::string, std::vector<double>> times;
    for (int round = 0; round < rounds; ++round) {
      times["all"].push_back(decode_ms(model, pool, memories, all));
      times["some"].push_back(decode_ms(model, pool, memories, some));
      times["listed"].push_back(decode_ms(model, pool, memories, listed));
    }
    const double whole = median(times["all"]);
    const double vocabulary = median(times["some"]);
    const double shortlist = median(times["listed"]);
    fmt::print(
        "{:12} {:5} batch {:3}: {:8.3f} ms per step with all tokens, {:8.3f} with 1,000 ({:.2f} "
        "times as fast), {:8.3f} with a shortlist ({:.2f} times)\n",
        name, name_of(storage), n_requests, whole / kLength, vocabulary / kLength,
        whole / vocabulary, shortlist / kLength, whole / shortlist);
  }
}

int run(int argc, char** argv) {
  ThreadPool pool(argc > 1 ? std::atoi(argv[1]) : 0);
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
  fmt::print("kernels {}, threads {}\n", chosen_kernels().name, pool.size());
  for (const Storage storage : {Storage::int8, Storage::f32}) {
    measure("marian-base", marian_base(), storage, pool, rounds);
    measure("marian-tiny", marian_tiny(), storage, pool, rounds);
  }
  return 0;
}

}  // namespace
}  // namespace transept

int main(int argc, char** argv) {
  return transept::run(argc, argv);
}
