// Whoever stops work leaves nothing half made: at whatever pause an encoding, a scoring or a step
// is ended, the next ones give the bits that they always give. And pauses change no bit.
#include "generate/scheduler.h"
#include "generate/score.h"
#include "model/encoder.h"
#include "support/golden.h"

#include "base/stop.h"

namespace transept::testing {
namespace {

class Stop : public ::testing::TestWithParam<std::string> {
 protected:
  Rig rig{GetParam(), chosen_kernels(), 2};

  [[nodiscard]] std::vector<Token> tokens(int n) const {
    std::vector<Token> ids;
    const int most = rig.model.config.encoder.max_positions;
    for (int i = 0; i < (most == 0 ? n : std::min(n, most)); ++i) ids.push_back(3 + i * 7 % 90);
    return ids;
  }

  // f(context) without pauses, with them, and ended at some of them: the bits of a Memory or a sum.
  template <class F>
  void check_every_pause(int least, F&& f) {
    Context plain = rig.context();
    const auto want = f(plain);
    int pauses = 0;
    const std::function<void()> count = [&] { ++pauses; };
    Context pausing = rig.context();
    pausing.on_pause = &count;
    EXPECT_EQ(f(pausing), want);
    ASSERT_GE(pauses, least);
    for (int end = 1; end <= pauses; end += 1 + pauses / 16) {
      int left = end;
      const std::function<void()> stop = [&] {
        if (--left == 0) throw Stopped();
      };
      Context stopping = rig.context();
      stopping.on_pause = &stop;
      EXPECT_THROW((void)f(stopping), Stopped) << "pause " << end;
      EXPECT_EQ(left, 0) << "nothing went on after the end";
    }
    EXPECT_EQ(f(plain), want);
  }
};

std::vector<float> bits_of(const Memory& memory) {
  const ConstTensor hidden = memory.hidden();
  return {hidden.data, hidden.data + hidden.size()};
}

TEST_P(Stop, AnEncodingEndsAtAnyPause) {
  const std::vector<std::vector<Token>> sources = {tokens(5000), tokens(5)};
  // Inside the attention of a long source too.
  const int least = rig.model.config.encoder.max_positions == 0 ? 16 : 4;
  check_every_pause(least, [&](Context& c) {
    const Arena::Frame frame(c.arena);
    return bits_of(encode_memories(c, rig.model, sources)[0]);
  });
}

TEST_P(Stop, AScoringEndsAtAnyPause) {
  Context c = rig.context();
  const std::vector<std::vector<Token>> source = {tokens(9)};
  const Memory memory = encode_memories(c, rig.model, source)[0];
  const ScoreRequest request{memory, {}, tokens(40)};
  const GenerateOptions options =
      options_from_json(rig.checkpoint.config_json, rig.checkpoint.generation_config_json);
  check_every_pause(4, [&](Context& other) {
    std::vector<float> logprobs;
    const std::vector<Score> scores = score(other, rig.model, std::span(&request, 1), options);
    for (const TokenScore& token : scores.front().tokens) logprobs.push_back(token.logprob);
    return logprobs;
  });
}

INSTANTIATE_TEST_SUITE_P(Models, Stop, ::testing::Values("t5-v1_1", "bart"),
                         [](const auto& instance) { return test_name(instance.param); });

// What nobody waits for any more costs nothing, wherever it is: in the queue, in the encoder, among
// those that are decoded. The others do not notice.
TEST(StopScheduler, WhatIsNotWantedLeaves) {
  Rig rig("t5-v1_1", chosen_kernels(), 2);
  const auto request = [&](int first, std::vector<Token>* got) {
    Request made;
    made.source = {first, first + 1, first + 2};
    made.options =
        options_from_json(rig.checkpoint.config_json, rig.checkpoint.generation_config_json);
    made.options.max_new_tokens = 8;
    made.on_finished = [got](std::vector<Hypothesis> results) { *got = results[0].ids; };
    return made;
  };
  std::vector<Token> want;
  Scheduler alone(rig.model, rig.pool);
  alone.add(request(20, &want));
  alone.run();
  ASSERT_FALSE(want.empty());
  for (int stopped_at = 0; stopped_at < 6; ++stopped_at) {
    Scheduler scheduler(rig.model, rig.pool, {.max_requests = 2});
    std::stop_source source;
    std::vector<Token> stopped;
    std::vector<Token> kept;
    for (int i = 0; i < 2; ++i) {
      Request unwanted = request(40 + 10 * i, &stopped);
      unwanted.stop = source.get_token();
      scheduler.add(std::move(unwanted));
    }
    scheduler.add(request(20, &kept));
    for (int i = 0; i < stopped_at; ++i) scheduler.tick();
    source.request_stop();
    scheduler.tick();
    EXPECT_LE(scheduler.n_active() + scheduler.n_waiting(), 1);
    scheduler.run();
    EXPECT_TRUE(stopped.empty());
    EXPECT_EQ(kept, want) << stopped_at;
  }
}

// A step ends in the middle only when all that is in it is unwanted.
TEST(StopScheduler, AStepThatNobodyWantsEndsInTheMiddle) {
  Rig rig("t5-v1_1", chosen_kernels(), 2);
  int pauses = 0;
  std::stop_source source;
  const std::function<void()> stop_soon = [&] {
    if (++pauses == 3) source.request_stop();
  };
  Scheduler scheduler(rig.model, rig.pool, {.on_pause = stop_soon});
  Request request;
  request.source = {20, 21, 22};
  request.options.max_new_tokens = 8;
  request.options.decoder_start = 0;
  request.stop = source.get_token();
  bool finished = false;
  request.on_finished = [&](std::vector<Hypothesis>) { finished = true; };
  scheduler.add(request);
  scheduler.tick();
  EXPECT_EQ(pauses, 3) << "the third was the last";
  EXPECT_FALSE(scheduler.tick());
  EXPECT_TRUE(scheduler.idle());
  EXPECT_FALSE(finished);
}

}  // namespace
}  // namespace transept::testing
