#include "train/trainer.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <map>

#include "base/error.h"
#include "io/checkpoint.h"
#include "io/safetensors.h"
#include "ops/linear.h"
#include "train/guard.h"
#include "train/testing.h"

namespace transept::testing {
namespace {

namespace fs = std::filesystem;

class Trainer : public ::testing::Test {
 public:
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

 protected:
  Trainer() {
    const ::testing::TestInfo* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() / fmt::format("transept-{}-{}", info->name(), ::getpid());
    config_ = reversal_config(folder_);
  }
  ~Trainer() override { fs::remove_all(folder_); }

  [[nodiscard]] static std::string weights(const TrainConfig& c) {
    return read_file(fs::path(c.output) / "model.safetensors");
  }
  [[nodiscard]] std::string error() const {
    try {
      (void)train(config_);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  }

  fs::path folder_;
  TrainConfig config_;
};

TEST_F(Trainer, LearnsToReverse) {
  config_.length.max_steps = 600;
  config_.validation.metrics = {"ser"};
  config_.validation.best = "ser";
  config_.validation.every_steps = 300;
  const TrainResult result = train(config_);
  EXPECT_EQ(result.steps, 600);
  ASSERT_TRUE(result.best.has_value());
  EXPECT_LT(*result.best, 0.1);  // nine of ten lines entirely right
  for (const char* file :
       {"config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
        "tokenizer_config.json", "metrics.jsonl", "report.html", "training/state.safetensors"}) {
    EXPECT_TRUE(fs::exists(fs::path(config_.output) / file)) << file;
  }
}

TEST_F(Trainer, ProductsInBf16LearnOrAreRefused) {
  config_.precision = "bf16";
  config_.length.max_steps = 100;
  if (chosen_kernels().pairs == nullptr) {
    EXPECT_NE(error().find("no instruction for products of bf16"), std::string::npos) << error();
    return;
  }
  const double in_bf16 = *train(config_).best;
  config_.precision = "f32";
  config_.output += "-f32";
  const double in_f32 = *train(config_).best;
  EXPECT_NE(in_bf16, in_f32);
  EXPECT_NEAR(in_bf16, in_f32, 0.1 * in_f32);
}

TEST_F(Trainer, SameBitsForAnyNumberOfThreadsAndWithEverythingOn) {
  config_.length.max_steps = 40;
  config_.validation.every_steps = 20;
  config_.regularization = {
      .dropout = 0.2, .attention_dropout = 0.1, .activation_dropout = 0.1, .label_smoothing = 0.1};
  config_.batch.accumulate = 2;
  config_.average.ema = 0.9;
  config_.optimizer.weight_decay = 0.1;
  for (const char* family : {"transformer", "bart", "t5_v1_1", "gpt2"}) {
    config_.model.family = family;
    config_.output = (folder_ / family).string();
    config_.threads = 1;
    (void)train(config_);
    const std::string one = weights(config_);
    config_.output = (folder_ / "three" / family).string();
    config_.threads = 3;
    (void)train(config_);
    EXPECT_TRUE(weights(config_) == one) << family;
  }
}

TEST_F(Trainer, StoppedAndResumedEqualsNotStopped) {
  config_.length.max_steps = 60;
  config_.validation.every_steps = 15;
  config_.checkpoint.every_steps = 10;
  config_.average.checkpoints = 3;
  config_.regularization.dropout = 0.1;
  (void)train(config_);
  const std::string whole = weights(config_);
  config_.output = (folder_ / "pieces").string();
  int stops = 0;
  for (bool done = false; !done; ++stops) {
    int steps = 0;
    TrainEvents events;
    events.stop = [&] { return ++steps == 7; };
    done = !train(config_, events).interrupted;
  }
  EXPECT_GT(stops, 5);
  EXPECT_TRUE(weights(config_) == whole);
  const TrainResult again = train(config_);  // nothing left to do
  EXPECT_EQ(again.seconds, 0);
  EXPECT_TRUE(weights(config_) == whole);
}

TEST_F(Trainer, EveryFamilyBeginsToLearn) {
  config_.length.max_steps = 30;
  config_.validation.every_steps = 0;
  config_.optimizer.learning_rate = 3e-3;
  config_.logging.every_steps = 15;
  for (const char* family :
       {"transformer", "marian", "bart", "mbart", "pegasus", "m2m_100", "t5", "t5_v1_1", "gpt2"}) {
    config_.model.family = family;
    config_.output = (folder_ / family).string();
    double first = 0;
    double last = 0;
    TrainEvents events;
    events.progress = [&](const StepReport& report) {
      if (report.step == 1) first = report.loss;
      last = report.loss;
    };
    (void)train(config_, events);
    EXPECT_LT(last, first) << family;
  }
}

TEST_F(Trainer, AFrozenEncoderStaysAsItWas) {
  config_.model.freeze_encoder_steps = -1;
  config_.model.tied = false;
  config_.data.valid = {};  // the newest weights are written
  config_.length.max_steps = 1;
  (void)train(config_);
  const std::string before = weights(config_);
  config_.length.max_steps = 10;
  (void)train(config_);
  const std::string after = weights(config_);
  const auto parse = [](const std::string& file) {
    return SafetensorsFile::parse(std::as_bytes(std::span(file)), "test");
  };
  const SafetensorsFile a = parse(before);
  const SafetensorsFile b = parse(after);
  for (const auto& [name, tensor] : a.tensors()) {
    const Buffer is = a.read(tensor);
    const Buffer was = b.read(*b.find(name));
    const bool same = is.size() == was.size() && std::memcmp(is.data(), was.data(), is.size()) == 0;
    if (name.starts_with("model.encoder")) {
      EXPECT_TRUE(same) << name;
    }
    if (name == "model.decoder.layers.0.fc1.weight") {
      EXPECT_FALSE(same) << name;
    }
  }
}

TEST_F(Trainer, FineTuningBeginsWithTheWeightsOfTheFolder) {
  config_.length.max_steps = 3;
  (void)train(config_);
  TrainConfig second = config_;
  second.output = (folder_ / "second").string();
  second.model.from = config_.output;
  second.tokenizer.folder = "";
  second.optimizer.learning_rate = 0;
  (void)train(second);
  EXPECT_EQ(weights(second), weights(config_));
  second.output = (folder_ / "third").string();
  second.optimizer.learning_rate = 1e-2;
  (void)train(second);
  EXPECT_NE(weights(second), weights(config_));
}

TEST_F(Trainer, AGivenEncoderIsTakenAndCanStandStill) {
  const fs::path bert = fs::path(TRANSEPT_FIXTURES) / "models" / "bert";
  config_.model.encoder = bert.string();
  config_.model.max_positions = 16;
  config_.model.freeze_encoder_steps = -1;
  config_.length.max_steps = 3;
  (void)train(config_);
  ThreadPool pool(1);
  const Checkpoint given = load_checkpoint(bert, pool);
  const Checkpoint made = load_checkpoint(config_.output, pool);
  std::map<std::string, const Weight*> encoder;
  visit(*given.model, [&](const Weight& weight, Role) { encoder[weight.name] = &weight; });
  size_t compared = 0;
  visit(*made.model, [&](const Weight& weight, Role) {
    if (!weight.name.starts_with("encoder.")) return;
    const Weight& from = *encoder.at(weight.name);
    ASSERT_EQ(weight.size(), from.size()) << weight.name;
    EXPECT_EQ(std::memcmp(stored_values(weight).data(), stored_values(from).data(),
                          weight.size() * sizeof(float)),
              0)
        << weight.name;
    ++compared;
  });
  EXPECT_EQ(compared, encoder.size());
}

TEST_F(Trainer, TheReportShowsTextsAsTexts) {
  config_.output = (folder_ / "a<b>&\"c").string();
  config_.length.max_steps = 1;
  (void)train(config_);
  const std::string page = read_file(fs::path(config_.output) / "report.html");
  EXPECT_NE(page.find("<h1>a&lt;b&gt;&amp;&quot;c</h1>"), std::string::npos);
  EXPECT_EQ(page.find("a<b>"), std::string::npos);
}

TEST_F(Trainer, BadInputIsOneClearLine) {
  const std::string file = config_.data.train[0];
  write_file_atomic(file, "a b\tb a\nno tab here\n");
  EXPECT_EQ(error(), file +
                         ":2: 1 columns, expected input<TAB>output or "
                         "prompt<TAB>input<TAB>output");
  write_file_atomic(file, "a b\t\n");
  EXPECT_EQ(error(), file + ":1: the output is empty");
  fs::remove(file);
  EXPECT_EQ(error(), file + ": cannot open: No such file or directory");
}

TEST_F(Trainer, LongPairsAreCountedNotCut) {
  config_.data.max_target_tokens = 4;
  config_.length.max_steps = 1;
  std::string notes;
  TrainEvents events;
  events.note = [&](const std::string& note) { notes += note + "\n"; };
  (void)train(config_, events);
  EXPECT_NE(notes.find("too long pairs are left out"), std::string::npos) << notes;
}

TEST_F(Trainer, ChangedDataOrModelIsAnError) {
  config_.length.max_steps = 2;
  (void)train(config_);
  config_.length.max_steps = 4;
  config_.model.d_ff = 128;
  EXPECT_NE(error().find("another model was trained here"), std::string::npos) << error();
  config_.model.d_ff = 64;
  write_reversals(config_.data.train[0], 100, 7);
  EXPECT_NE(error().find("not what this training began with"), std::string::npos) << error();
}

TEST_F(Trainer, StopsEarlyAndKeepsTheBest) {
  config_.optimizer.learning_rate = 0;
  config_.validation.every_steps = 5;
  config_.validation.patience = 2;
  const TrainResult result = train(config_);
  EXPECT_EQ(result.steps, 15);  // the first is the best, two are not better
  EXPECT_EQ(result.best_step, 5);
}

// Whatever falls on a step that was skipped: no checkpoint may hold weights that are spoilt.
TEST_F(Trainer, DivergingWeightsAreRolledBackAndGivenUp) {
  config_.checkpoint.every_steps = 1;
  config_.optimizer.learning_rate = 1000;
  config_.optimizer.warmup_steps = 0;
  config_.optimizer.schedule = "constant";
  config_.optimizer.clip_norm = 0;
  config_.guard = {.spike = 0, .rollback_after = 2, .give_up_after = 1};
  config_.model.family = "t5";
  std::string notes;
  TrainEvents events;
  events.note = [&](const std::string& note) { notes += note + "\n"; };
  try {
    (void)train(config_, events);
    FAIL() << "it went on to its end:\n" << notes;
  } catch (const Error& e) {
    notes += e.what();
    EXPECT_NE(notes.find("the weights are those of step"), std::string::npos) << notes;
    EXPECT_NE(notes.find("training does not settle"), std::string::npos) << notes;
  }
}

TEST_F(Trainer, ALogThatWasNotWrittenToItsEndIsCutThere) {
  config_.length.max_steps = 4;
  config_.logging.every_steps = 1;
  (void)train(config_);
  const std::string log = config_.output + "/metrics.jsonl";
  const std::string whole = read_file(log);
  const size_t second = whole.find('\n') + 1;
  write_file_atomic(log,
                    whole.substr(0, second) + std::string(20, '\0') + "\n" + whole.substr(second));
  config_.length.max_steps = 5;
  (void)train(config_);
  const std::string after = read_file(log);
  EXPECT_EQ(after.substr(0, second), whole.substr(0, second));
  EXPECT_EQ(after.find('\0'), std::string::npos);
  EXPECT_NE(after.find("\"step\":5"), std::string::npos) << after;
}

TEST(Guard, JudgesByWhatIsUsual) {
  TrainState state;
  Guard guard({.spike = 10, .rollback_after = 2}, state);
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(guard.judge(1, 2), "");
    ++state.step;
  }
  EXPECT_EQ(guard.judge(1, 19), "");
  EXPECT_NE(guard.judge(1, 1000), "");
  EXPECT_FALSE(guard.wants_rollback());
  EXPECT_EQ(guard.judge(std::nan(""), 2), "the loss is not finite");
  EXPECT_TRUE(guard.wants_rollback());
  EXPECT_EQ(guard.judge(1, std::nan("")), "the gradient is not finite");
  EXPECT_EQ(guard.judge(1, 2), "");
  EXPECT_FALSE(guard.wants_rollback());
}

}  // namespace
}  // namespace transept::testing
