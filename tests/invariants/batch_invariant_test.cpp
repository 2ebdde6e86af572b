// batch_invariant: what a request gets – tokens, log-probabilities and scores – is the same to the
// bit whatever it is decoded with: neighbours, order and time of arrival, size of the batch, number
// of threads; on every instruction set. 1,000 requests: greedy, beams, samples and prompts mixed.
#include <fmt/format.h>

#include <random>

#include "generate/generate.h"
#include "generate/scheduler.h"
#include "support/golden.h"

namespace transept::testing {
namespace {

constexpr int kRequests = 250;  // for each of the four models

struct Case {
  std::string model;
  const KernelTable* kernels;
  Storage storage = Storage::f32;
  std::optional<Storage> keys = {};
};

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const char* model : {"t5-v1_1", "bart", "m2m100", "bert2gpt2-widths"}) {
    for (const KernelTable* table : available_kernels()) cases.push_back({model, table});
    for (const Storage storage : {Storage::int8, Storage::int4})  // keys and values are bf16
      cases.push_back({model, &chosen_kernels(), storage});
    cases.push_back({model, &chosen_kernels(), Storage::f32, Storage::int8});
  }
  return cases;
}

class BatchInvariant : public ::testing::TestWithParam<Case> {
 protected:
  Rig rig{GetParam().model, *GetParam().kernels, 1, GetParam().storage, GetParam().keys};
  std::mt19937 random{2024};
  std::shared_ptr<const std::vector<Token>> vocabulary = some_vocabulary();
  std::shared_ptr<const Shortlist> shortlist = some_shortlist();

  int below(int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); }

  std::vector<Token> random_tokens(int n, int vocab) {
    std::vector<Token> tokens;
    for (int i = 0; i < n; ++i) tokens.push_back(3 + below(vocab - 3));
    return tokens;
  }

  std::shared_ptr<const std::vector<Token>> some_vocabulary() {
    std::vector<Token> tokens;
    for (Token token = 0; token < rig.model.config.decoder.vocab; token += 1 + below(4))
      tokens.push_back(token);
    return std::make_shared<const std::vector<Token>>(tokens);
  }

  std::shared_ptr<const Shortlist> some_shortlist() {
    Shortlist made;
    made.n_targets = rig.model.config.decoder.vocab;
    made.first = 10;
    for (int source = 0; source < rig.model.config.encoder.vocab; ++source) {
      made.offsets.push_back(made.targets.size());
      for (int i = below(6); i > 0; --i) made.targets.push_back(below(made.n_targets));
    }
    made.offsets.push_back(made.targets.size());
    return std::make_shared<const Shortlist>(made);
  }

  GenerateOptions random_options() {
    GenerateOptions options =
        options_from_json(rig.checkpoint.config_json, rig.checkpoint.generation_config_json);
    options.max_new_tokens = 1 + below(9);
    const int kind = below(4);
    options.beams = kind == 0 ? 2 + below(4) : 1;
    options.n_best = kind == 0 ? 1 + below(options.beams) : 1;
    if (kind == 1) {
      options.sample = true;
      options.seed = random();
      options.n_best = 1 + below(3);
      options.top_k = 5 * below(4);
      options.top_p = 0.9;
    }
    options.early_stopping = static_cast<EarlyStopping>(below(3));
    options.length_penalty = 0.5 * below(4);
    options.repetition_penalty = below(2) == 0 ? 1 : 1.3;
    options.no_repeat_ngram = below(3);
    options.speculate = below(2) * below(20);
    restrict(options);
    return options;
  }

  // A vocabulary that many share, or a shortlist of their own source.
  void restrict(GenerateOptions& options) {
    const int kind = below(5);
    if (kind == 0) options.vocabulary = vocabulary;
    if (kind == 1) options.shortlist = shortlist;
  }

  std::vector<Request> random_requests() {
    std::vector<Request> requests;
    for (int i = 0; i < kRequests; ++i) {
      Request request;
      const bool repeat = i > 0 && below(4) == 0;  // some inputs come more than once
      request.source = repeat ? requests[static_cast<size_t>(below(i))].source
                              : random_tokens(1 + below(20), rig.model.config.encoder.vocab);
      request.prompt = random_tokens(below(2) * below(5), rig.model.config.decoder.vocab);
      request.options = random_options();
      requests.push_back(std::move(request));
    }
    return requests;
  }

  std::vector<Hypothesis> alone(const Request& request) {
    rig.arena.clear();
    Context c = rig.context();
    const Memory memory =
        encode_memories(c, rig.model, std::vector<std::vector<Token>>{request.source})[0];
    GenerateOptions options = request.options;
    options.speculate = 0;  // nor does guessing change anything
    return generate(c, rig.model, memory, request.prompt, options);
  }
};

bool same(const std::vector<Hypothesis>& a, const std::vector<Hypothesis>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.ids == y.ids && x.token_logprobs == y.token_logprobs && x.logprob == y.logprob &&
           x.score == y.score && x.finish == y.finish;
  });
}

TEST_P(BatchInvariant, CompanyDoesNotMatter) {
  const std::vector<Request> requests = random_requests();
  std::vector<std::vector<Hypothesis>> want;
  for (const Request& request : requests) want.push_back(alone(request));
  for (const int n_threads : {1, 2, 3, 5, 8}) {
    ThreadPool pool(n_threads);
    const SchedulerOptions options{.max_requests = 1 + below(40),
                                   .max_rows = 1 + below(200),
                                   .max_encode_rows = 1 + below(200)};
    SCOPED_TRACE(fmt::format("{} threads, {} requests, {} rows", n_threads, options.max_requests,
                             options.max_rows));
    Scheduler scheduler(rig.model, pool, options, *GetParam().kernels);
    std::vector<size_t> order(requests.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::shuffle(order.begin(), order.end(), random);
    std::vector<std::vector<Hypothesis>> got(requests.size());
    std::vector<std::vector<Token>> streamed(requests.size());
    for (const size_t i : order) {
      Request request = requests[i];
      request.on_token = [&streamed, i](Token token) { streamed[i].push_back(token); };
      request.on_finished = [&got, i](std::vector<Hypothesis> r) { got[i] = std::move(r); };
      scheduler.add(std::move(request));
      if (below(8) == 0) {  // company that leaves early
        const Scheduler::Id id = scheduler.add(requests[static_cast<size_t>(below(kRequests))]);
        for (int ticks = below(4); ticks > 0; --ticks) scheduler.tick();
        scheduler.cancel(id);
      }
      while (below(3) == 0) scheduler.tick();
    }
    scheduler.run();
    for (size_t i = 0; i < requests.size(); ++i) {
      ASSERT_TRUE(same(got[i], want[i])) << "request " << i;
      if (!streamed[i].empty()) {
        EXPECT_EQ(streamed[i], want[i][0].ids);
      }
    }
    EXPECT_TRUE(scheduler.idle());
  }
}

TEST_P(BatchInvariant, EqualInputsShareOneEncoderRun) {
  Scheduler scheduler(rig.model, rig.pool, {.max_requests = 2}, *GetParam().kernels);
  const std::vector<Token> source = random_tokens(9, rig.model.config.encoder.vocab);
  for (int i = 0; i < 7; ++i) {
    Request request;
    request.source = source;
    request.prompt = random_tokens(i, rig.model.config.decoder.vocab);
    request.options = random_options();
    scheduler.add(std::move(request));
  }
  scheduler.run();
  EXPECT_EQ(scheduler.counters().encoder_runs, 1);
  EXPECT_EQ(scheduler.counters().source_tokens, 9);
  EXPECT_GT(scheduler.counters().output_tokens, 0);
}

TEST_P(BatchInvariant, AGivenMemoryNeedsNoEncoder) {
  Request request;
  request.source = random_tokens(6, rig.model.config.encoder.vocab);
  request.options = random_options();
  const std::vector<Hypothesis> want = alone(request);
  Context c = rig.context();
  request.memory =
      encode_memories(c, rig.model, std::vector<std::vector<Token>>{request.source})[0];
  std::vector<Hypothesis> got;
  request.on_finished = [&](std::vector<Hypothesis> r) { got = std::move(r); };
  Scheduler scheduler(rig.model, rig.pool, {}, *GetParam().kernels);
  scheduler.add(std::move(request));
  scheduler.run();
  EXPECT_TRUE(same(got, want));
  EXPECT_EQ(scheduler.counters().encoder_runs, 0);
}

TEST_P(BatchInvariant, WrongRequestsAreRefusedBeforeTheyDisturbOthers) {
  Scheduler scheduler(rig.model, rig.pool, {}, *GetParam().kernels);
  Request request;
  EXPECT_THROW(scheduler.add(request), Error);  // empty
  request.source = {1 << 20};
  EXPECT_THROW(scheduler.add(request), Error);  // not in the vocabulary
  request.source = {3, 4};
  request.options.beams = 0;
  EXPECT_THROW(scheduler.add(request), Error);
  request.options.beams = 1;
  request.prompt = {-1};
  EXPECT_THROW(scheduler.add(request), Error);
  EXPECT_TRUE(scheduler.idle());
  EXPECT_FALSE(scheduler.tick());
}

INSTANTIATE_TEST_SUITE_P(
    Models, BatchInvariant, ::testing::ValuesIn(all_cases()), [](const auto& instance) {
      return test_name(instance.param.model + "_" + instance.param.kernels->name + "_" +
                       name_of(instance.param.storage) + (instance.param.keys ? "_keys" : ""));
    });

}  // namespace
}  // namespace transept::testing
