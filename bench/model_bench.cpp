// Encoder and decoder of a whole model with random weights, without files or text: milliseconds per
// call and per step.
//   model_bench [threads]
#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>

#include "base/timing.h"
#include "marian_shapes.h"
#include "model/decoder.h"
#include "model/encoder.h"
#include "model/random.h"

namespace transept {
namespace {

template <class F>
double median_ms(int runs, F&& f) {
  std::vector<double> times;
  for (int i = 0; i < runs; ++i) times.push_back(milliseconds(f));
  return median(std::move(times));
}

void measure(const char* name, const Config& config, ThreadPool& pool) {
  const Transformer model = random_model(config, pool, chosen_kernels());
  Arena arena;
  Context c{arena, pool, chosen_kernels()};
  for (const auto& [n, batch_size] : {std::pair{32, 1}, {128, 1}, {128, 32}}) {
    std::vector<std::vector<Token>> inputs(static_cast<size_t>(batch_size));
    for (auto& input : inputs) {
      for (int i = 0; i < n; ++i) input.push_back(10 + i);
    }
    std::vector<Memory> memories;
    const double encode_ms = median_ms(5, [&] {
      arena.clear();
      memories = encode_memories(c, model, inputs);
    });
    std::vector<DecodeState> states(inputs.size(), DecodeState(config.decoder));
    std::vector<DecodeState*> state_list;
    std::vector<const Memory*> memory_list;
    Batch batch;
    for (size_t i = 0; i < inputs.size(); ++i) {
      state_list.push_back(&states[i]);
      memory_list.push_back(&memories[i]);
    }
    const std::vector<Token> tokens(inputs.size(), 42);
    double logits_ms = 0;
    const double step_ms = median_ms(n, [&] {
      arena.clear();
      batch.sequences.clear();
      for (const DecodeState& state : states) batch.add(1, state.length());
      const Tensor hidden = decode(c, model, batch, tokens, memory_list, state_list);
      logits_ms += milliseconds([&] { (void)logits(c, model, hidden); }) / n;
    });
    fmt::print(
        "{:12} source {:4} batch {:3}: encode {:8.2f} ms ({:7.0f} tokens/s), step {:7.3f} ms of "
        "which logits {:7.3f} ({:6.0f} "
        "tokens/s)\n",
        name, n, batch_size, encode_ms, n * batch_size / encode_ms * 1e3, step_ms, logits_ms,
        batch_size / step_ms * 1e3);
  }
}

int run(int argc, char** argv) {
  ThreadPool pool(argc > 1 ? std::atoi(argv[1]) : 0);
  fmt::print("kernels {}, threads {}\n", chosen_kernels().name, pool.size());
  measure("marian-base", marian_base(), pool);
  measure("marian-tiny", marian_tiny(), pool);
  return 0;
}

}  // namespace
}  // namespace transept

int main(int argc, char** argv) {
  return transept::run(argc, argv);
}
