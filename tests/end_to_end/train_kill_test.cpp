// Trainings that are killed, run out of disk or lose their data: the last checkpoint is intact, and
// the same command ends with the same weights to the bit.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "train/testing.h"

namespace transept::testing {
namespace {

namespace fs = std::filesystem;

class KilledTraining : public ::testing::Test {
 protected:
  KilledTraining()
      : folder_(fs::temp_directory_path() / fmt::format("transept-kill-{}", ::getpid())) {
    TrainConfig config = reversal_config(folder_);
    config.model.d_model = 16;
    config.model.d_ff = 16;
    config.length.max_steps = 40;
    config.validation.every_steps = 5;
    config.checkpoint.every_steps = 2;
    config.logging.every_steps = 1;
    config.average.ema = 0.9;
    config.average.checkpoints = 3;
    config.regularization.dropout = 0.1;
    write_reversals(config.data.train[0], 300, 1);
    write_reversals(config.data.valid[0], 20, 2);
    write_file_atomic(folder_ / "config.toml", to_toml(config));
  }
  ~KilledTraining() override { fs::remove_all(folder_); }

  // `limit`: of the size of files, in bytes; 0: none.
  [[nodiscard]] pid_t start(const std::string& output, size_t limit = 0) const {
    const std::string file = folder_ / "config.toml";
    const std::string set = "output=" + (folder_ / output).string();
    const std::string err = folder_ / "stderr";
    const pid_t child = ::fork();
    if (child != 0) return child;
    if (limit > 0) {
      const rlimit most{limit, limit};
      ::setrlimit(RLIMIT_FSIZE, &most);
    }
    ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
    ::execl(TRANSEPT_COMMAND, TRANSEPT_COMMAND, "train", file.c_str(), "--quiet", "--set",
            set.c_str(), nullptr);
    ::_exit(127);
  }
  // The exit code, or -1 if a signal ended it.
  static int wait_for(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  [[nodiscard]] std::string weights(const std::string& output) const {
    return read_file(folder_ / output / "model.safetensors");
  }
  [[nodiscard]] std::string state(const std::string& output) const {
    return read_file(folder_ / output / "training" / "state.safetensors");
  }

  fs::path folder_;
};

TEST_F(KilledTraining, AtFiftyRandomMomentsEndsWithTheSameBits) {
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(wait_for(start("whole")), 0) << read_file(folder_ / "stderr");
  const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - begin;
  int kills = 0;
  int ends = 0;
  uint64_t draw = 0;
  while (kills < 50 || ends == 0) {
    const std::string output = fmt::format("killed-{}", ends);
    const pid_t child = start(output);
    if (kills < 50) {
      const double delay = random_uniform(1, 0, draw++) * whole.count() / 3;
      std::this_thread::sleep_for(std::chrono::duration<double>(delay));
      ::kill(child, SIGKILL);
    }
    const int code = wait_for(child);
    if (code < 0) {
      ++kills;
      continue;
    }
    ASSERT_EQ(code, 0) << read_file(folder_ / "stderr");
    ++ends;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / output))
      EXPECT_EQ(target_of_temporary(entry.path().filename().string()), "") << entry.path();
    EXPECT_TRUE(weights(output) == weights("whole")) << output;
  }
  EXPECT_EQ(kills, 50);
}

TEST_F(KilledTraining, ASecondTrainingOfAFolderIsRefused) {
  const pid_t first = start("shared");
  while (!fs::exists(folder_ / "shared/training/state.safetensors")) std::this_thread::yield();
  ::kill(first, SIGSTOP);
  EXPECT_EQ(wait_for(start("shared")), 74);
  const std::string message = read_file(folder_ / "stderr");
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 1) << message;
  EXPECT_NE(message.find("shared: another training writes into this folder"), std::string::npos)
      << message;
  ::kill(first, SIGCONT);
  EXPECT_EQ(wait_for(first), 0);
}

TEST_F(KilledTraining, AFullDiskLeavesTheLastCheckpointIntact) {
  ASSERT_EQ(wait_for(start("whole")), 0);
  const size_t bytes = state("whole").size();
  const pid_t child = start("full");
  while (!fs::exists(folder_ / "full/training/state.safetensors")) std::this_thread::yield();
  ::kill(child, SIGKILL);
  wait_for(child);
  const std::string before = state("full");
  EXPECT_EQ(wait_for(start("full", bytes / 2)), 74);
  const std::string message = read_file(folder_ / "stderr");
  EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 1) << message;
  EXPECT_NE(message.find("state.safetensors: cannot write: File too large"), std::string::npos)
      << message;
  EXPECT_TRUE(state("full") == before);
  EXPECT_EQ(wait_for(start("full")), 0);
  EXPECT_TRUE(weights("full") == weights("whole"));
}

TEST_F(KilledTraining, AVanishedDataFileLeavesTheLastCheckpointIntact) {
  ASSERT_EQ(wait_for(start("whole")), 0);
  const std::string before = state("whole");
  fs::remove(folder_ / "train.tsv");
  EXPECT_EQ(wait_for(start("whole")), 66);
  const std::string message = read_file(folder_ / "stderr");
  EXPECT_NE(message.find("train.tsv: cannot open: No such file"), std::string::npos) << message;
  EXPECT_TRUE(state("whole") == before);
}

}  // namespace
}  // namespace transept::testing
