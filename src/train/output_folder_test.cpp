// What a training keeps in its folder: one training at a time, a checkpoint that knows when it is
// damaged, nothing left of runs that were killed.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/folder_lock.h"
#include "io/safetensors.h"
#include "train/testing.h"
#include "train/trainer.h"

namespace transept::testing {
namespace {

namespace fs = std::filesystem;

class OutputFolder : public ::testing::Test {
 public:
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

 protected:
  OutputFolder() {
    const ::testing::TestInfo* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::temp_directory_path() / fmt::format("transept-{}-{}", info->name(), ::getpid());
    config_ = reversal_config(folder_);
    config_.model.d_model = 8;
    config_.model.d_ff = 8;
    write_reversals(config_.data.train[0], 50, 1);
    write_reversals(config_.data.valid[0], 5, 2);
    config_.length.max_steps = 4;
    config_.checkpoint.every_steps = 2;
  }
  ~OutputFolder() override { fs::remove_all(folder_); }

  [[nodiscard]] fs::path state() const {
    return fs::path(config_.output) / "training" / "state.safetensors";
  }
  // What it says to people, or its error.
  [[nodiscard]] std::string notes() const {
    std::string all;
    TrainEvents events;
    events.note = [&](const std::string& note) { all += note + "\n"; };
    try {
      (void)train(config_, events);
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::internal);
      return std::string("error: ") + error.what();
    }
    return all;
  }
  // A training that stopped half way.
  void begin() const {
    int steps = 0;
    TrainEvents events;
    events.stop = [&] { return ++steps == 2; };
    ASSERT_TRUE(train(config_, events).interrupted);
  }

  fs::path folder_;
  TrainConfig config_;
};

TEST_F(OutputFolder, TakesOneTrainingAtATime) {
  fs::create_directories(config_.output);
  {
    const auto other = FolderLock::take(config_.output);
    EXPECT_EQ(notes(), "error: " + config_.output +
                           ": another training writes into this folder; wait for its end, or name "
                           "another output folder");
  }
  EXPECT_NE(notes().find("training data"), std::string::npos);
}

TEST_F(OutputFolder, LosesWhatAKilledTrainingLeftAndNothingElse) {
  const fs::path output = config_.output;
  fs::create_directories(output / "training");
  const std::string end = ".tmp-0123456789abcdef";
  const std::vector<fs::path> own = {
      output / ("model.safetensors" + end), output / ("tokenizer.json" + end),
      output / ("report.html" + end), output / "training" / ("state.safetensors" + end),
      output / "training" / ("values-12.safetensors" + end)};
  const std::vector<fs::path> other = {output / ("notes.txt" + end),
                                       output / "model.safetensors.tmp",
                                       output / "training" / "state.safetensors.tmp1",
                                       output / "training" / ("my-values.safetensors" + end)};
  for (const fs::path& file : own) write_file_atomic(file, "x");
  for (const fs::path& file : other) write_file_atomic(file, "x");
  (void)train(config_);
  for (const fs::path& file : own) EXPECT_FALSE(fs::exists(file)) << file;
  for (const fs::path& file : other) EXPECT_TRUE(fs::exists(file)) << file;
}

TEST_F(OutputFolder, NoFlippedBitOfACheckpointGoesUnnoticed) {
  begin();
  const std::string good = read_file(state());
  uint64_t draw = 0;
  for (int i = 0; i < 120; ++i) {
    std::string damaged = good;
    const auto at =
        static_cast<size_t>(random_uniform(7, 0, draw++) * static_cast<double>(good.size()));
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << i % 8));
    write_file_atomic(state(), damaged);
    EXPECT_TRUE(notes().starts_with("error: ")) << "byte " << at << ", bit " << i % 8;
  }
  write_file_atomic(state(), good);
  EXPECT_NE(notes().find("resumed at step 2"), std::string::npos);
}

TEST_F(OutputFolder, ADamagedCheckpointIsCalledThat) {
  begin();
  std::string damaged = read_file(state());
  damaged[damaged.size() - 100] ^= 1;
  write_file_atomic(state(), damaged);
  EXPECT_NE(notes().find("state.safetensors: damaged: its contents do not have the checksum"),
            std::string::npos);
}

TEST_F(OutputFolder, ACheckpointOfAnOlderVersionIsRead) {
  begin();
  {
    const std::string bytes = read_file(state());
    const SafetensorsFile file = SafetensorsFile::parse(std::as_bytes(std::span(bytes)), "x");
    SafetensorsFile::Metadata metadata = file.metadata();
    metadata["format"] = "transept-training-1";
    ASSERT_EQ(metadata.erase("checksum") + metadata.erase("valid_data"), 2U);
    std::vector<TensorToWrite> tensors;
    for (const auto& [name, tensor] : file.tensors()) {
      tensors.push_back({.name = name,
                         .type = tensor.type,
                         .shape = tensor.shape,
                         .bytes = {},
                         .make = [&file, &t = tensor] { return file.read(t); }});
    }
    write_safetensors(state(), std::move(tensors), metadata);
  }
  const std::string said = notes();
  EXPECT_NE(said.find("resumed at step 2"), std::string::npos) << said;
  EXPECT_EQ(said.find("validation data is not what it was"), std::string::npos) << said;
}

TEST_F(OutputFolder, ChangedValidationDataIsSaid) {
  begin();
  config_.length.max_steps = 3;
  EXPECT_EQ(notes().find("validation data is not what it was"), std::string::npos);
  write_reversals(config_.data.valid[0], 6, 3);
  config_.length.max_steps = 4;
  EXPECT_NE(notes().find("the validation data is not what it was"), std::string::npos);
  config_.length.max_steps = 5;
  EXPECT_EQ(notes().find("validation data is not what it was"), std::string::npos);
}

TEST_F(OutputFolder, TrainingTextMayComeFromAPipe) {
  const std::string text = read_file(config_.data.train[0]);
  (void)train(config_);
  const std::string weights = read_file(fs::path(config_.output) / "model.safetensors");
  fs::remove(config_.data.train[0]);
  ASSERT_EQ(::mkfifo(config_.data.train[0].c_str(), 0600), 0);
  config_.output += "-again";
  std::thread writer([&] { write_file_atomic(config_.data.train[0], text); });
  (void)train(config_);
  writer.join();
  EXPECT_TRUE(read_file(fs::path(config_.output) / "model.safetensors") == weights);
}

TEST_F(OutputFolder, TextWithoutEndIsRefused) {
  config_.data.train = {"/dev/zero"};
  EXPECT_EQ(notes(), "error: /dev/zero: line 1 has more than 67108864 bytes: not a text");
}

}  // namespace
}  // namespace transept::testing
