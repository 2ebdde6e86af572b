#include "busy_work.h"

#include <fmt/core.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <optional>

#include "generate/scheduler.h"
#include "marian_shapes.h"
#include "model/encoder.h"
#include "model/parameters.h"
#include "model/random.h"
#include "model/teacher_forcing.h"
#include "ops/optimize.h"

namespace transept {
namespace {

constexpr int kLength = 32;

class Work {
 public:
  Work() = default;
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  virtual ~Work() = default;
  // One sentence or one step: how many tokens came out.
  virtual int once() = 0;
};

class Answer : public Work {
 public:
  Answer(const Config& config, int threads)
      : pool_(threads),
        model_(random_model(config, pool_, chosen_kernels(), Storage::int8)),
        scheduler_(model_, pool_, {.cache_bytes = 0}) {
    options_.decoder_start = 0;
    options_.eos = {0};
    options_.min_new_tokens = kLength;
    options_.max_new_tokens = kLength;
    options_.logprobs = false;
  }

  int once() override {
    Request request;
    request.source = varied_tokens(kLength, model_.config.encoder.vocab);
    request.options = options_;
    (void)scheduler_.add(std::move(request));
    scheduler_.run();
    return kLength;
  }

 private:
  ThreadPool pool_;
  Transformer model_;
  Scheduler scheduler_;
  GenerateOptions options_;
};

class Train : public Work {
 public:
  Train(const Config& config, int threads)
      : pool_(threads),
        model_(random_model(config, pool_, chosen_kernels())),
        parameters_(model_),
        mean_(parameters_.values().size_bytes()),
        square_(parameters_.values().size_bytes()) {
    constexpr int kExamples = 16;
    for (int i = 0; i < kExamples; ++i) {
      examples_.source.add(kLength, 0, static_cast<uint32_t>(i));
      examples_.target.add(kLength, 0, static_cast<uint32_t>(i));
    }
    examples_.source_tokens = varied_tokens(kExamples * kLength, config.encoder.vocab);
    examples_.inputs = varied_tokens(kExamples * kLength, config.decoder.vocab);
    examples_.labels = varied_tokens(kExamples * kLength, config.decoder.vocab, 1);
    examples_.weights.assign(examples_.labels.size(), 1.F);
  }

  int once() override {
    const KernelTable& kernels = chosen_kernels();
    arena_.clear();
    tape_.clear();
    parameters_.clear_gradients(pool_);
    Context c{arena_, pool_, kernels};
    c.tape = &tape_;
    c.dropout = {.rate = 0.1F, .seed = 1, .step = 1};
    const auto n = static_cast<int>(examples_.labels.size());
    (void)teacher_forcing(c, model_, examples_, {.gradient_scale = 1.F / static_cast<float>(n)});
    tape_.backward();
    const AdamWStep step{.gradient_scale = 1,
                         .beta1 = 0.9F,
                         .beta2 = 0.98F,
                         .eps = 1e-8F,
                         .keep = 1,
                         .rate = 1e-6F,
                         .square_scale = 1};
    const size_t size = parameters_.values().size();
    adamw(pool_, kernels, step, parameters_.gradients(), parameters_.values(),
          {mean_.as<float>(), size}, {square_.as<float>(), size});
    parameters_.repack(pool_, kernels);
    return n;
  }

 private:
  ThreadPool pool_;
  Transformer model_;
  Parameters parameters_;
  Buffer mean_, square_;
  Examples examples_;
  Arena arena_;
  Tape tape_;
};

std::unique_ptr<Work> make_work(const std::string& name, int threads) {
  if (name == "train") return std::make_unique<Train>(marian_tiny(), threads);
  return std::make_unique<Answer>(name == "tiny" ? marian_tiny() : marian_base(), threads);
}

double tokens_per_second(Work& work, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  int64_t tokens = 0;
  double passed = 0;
  while (passed < seconds) {
    tokens += work.once();
    passed = std::chrono::duration<double>(Clock::now() - begin).count();
  }
  return static_cast<double>(tokens) / passed;
}

}  // namespace

const std::vector<std::string>& names_of_work() {
  static const std::vector<std::string> names{"tiny", "base", "train"};
  return names;
}

void serve_work(const std::string& name, int threads) {
  const std::unique_ptr<Work> work = make_work(name, threads);
  (void)work->once();
  for (double seconds = 0; std::cin >> seconds;) {
    fmt::print("{:.6g}\n", tokens_per_second(*work, seconds));
    (void)std::fflush(stdout);
  }
}

}  // namespace transept
