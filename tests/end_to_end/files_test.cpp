// Files as the command meets them: pipes, devices, link loops, folders that change while they are
// read, results that cannot be written.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <string_view>
#include <thread>

#include "end_to_end/command.h"

namespace transept::testing {
namespace {

namespace fs = std::filesystem;

std::string copied_model(const std::string& name) {
  const std::string folder = scratch(name);
  fs::copy(model("tiny-t5-text"), folder);
  return folder;
}

// One line that says `text`, and this exit code.
void expect_refused(const Result& result, int code, const std::string& text) {
  EXPECT_EQ(result.code, code) << result.err;
  EXPECT_EQ(lines(result.err).size(), 1U) << result.err;
  EXPECT_NE(result.err.find(text), std::string::npos) << result.err;
}

TEST(Files, WhatIsNoRegularFileIsNamedAtOnce) {
  for (const char* name : {"config.json", "model.safetensors", "generation_config.json",
                           "tokenizer.json", "tokenizer_config.json"}) {
    const std::string folder = copied_model(std::string("special-") + name);
    const fs::path file = fs::path(folder) / name;
    const auto generate = [&] {
      return transept(
          {"generate", folder, "--input", "The quick brown fox", "--max-new-tokens", "1"});
    };
    fs::remove(file);
    ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
    expect_refused(generate(), 65, file.string() + ": a pipe, expected a regular file");
    fs::remove(file);
    fs::create_symlink("/dev/zero", file);
    expect_refused(generate(), 65, file.string() + ": a device, expected a regular file");
    fs::remove(file);
    fs::create_symlink(name, file);
    expect_refused(generate(), 74, file.string() + ": cannot open: Too many levels");
  }
}

TEST(Files, ALinkLoopIsNoModel) {
  const std::string loop = scratch("loop");
  fs::create_symlink(fs::path(loop).filename(), loop);
  expect_refused(transept({"generate", loop, "--input", "x"}), 66, "no such model folder");
}

TEST(Files, APipeIsNoModel) {
  const std::string pipe = scratch("pipe-for-a-model");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  expect_refused(transept({"generate", pipe, "--input", "x"}), 65, "a pipe, expected");
}

TEST(Files, AMemoryIsReadFromARegularFile) {
  const std::string pipe = scratch("pipe.memory");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const std::string folder = model("tiny-t5-text");
  expect_refused(transept({"generate", folder, "--memory", pipe}), 65, "a pipe, expected");
  expect_refused(transept({"inspect", pipe}), 65, "a pipe, expected");
}

TEST(Files, TextsWithoutEndAreRefused) {
  const std::string outputs = scratch("outputs");
  write(outputs, "a\n");
  for (const char* option : {"--hypotheses", "--references"}) {
    const bool first = std::string_view(option) == "--hypotheses";
    expect_refused(transept({"eval", "--hypotheses", first ? "/dev/zero" : outputs, "--references",
                             first ? outputs : "/dev/zero"}),
                   1, "/dev/zero: line 1 has more than 256 MiB; is it text, with line breaks?");
  }
}

TEST(Files, ResultsMayGoIntoAPipeOrNowhere) {
  const std::string folder = model("tiny-t5-text");
  const std::string file = scratch("fox.memory");
  const std::string pipe = scratch("fox.pipe");
  const auto encode = [&](const std::string& output) {
    return transept({"encode", folder, "--input", "The quick brown fox", "--output", output});
  };
  EXPECT_EQ(encode(file).code, 0);
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::string written;
  std::thread reader([&] { written = read(pipe); });
  EXPECT_EQ(encode(pipe).code, 0);
  reader.join();
  EXPECT_TRUE(written == read(file));
  expect_refused(encode("/dev/full"), 74, "/dev/full: cannot write: No space left on device");
  EXPECT_EQ(encode("/dev/null").code, 0);
}

TEST(Files, AMemoryFileFollowsTheUmask) {
  const std::string file = scratch("umask.memory");
  const mode_t before = ::umask(077);
  const Result result = transept(
      {"encode", model("tiny-t5-text"), "--input", "The quick brown fox", "--output", file});
  ::umask(before);
  EXPECT_EQ(result.code, 0) << result.err;
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

// Cut at any moment of loading and answering: the right answer or one line, never a signal.
TEST(Files, AModelThatIsCutWhileItIsUsedEndsInNoSignal) {
  const std::string folder = copied_model("cut");
  const fs::path file = fs::path(folder) / "model.safetensors";
  const auto generate = [&] {
    return transept(
        {"generate", folder, "--input", "The quick brown fox", "--max-new-tokens", "40"});
  };
  const auto begin = std::chrono::steady_clock::now();
  const std::string right = generate().out;
  const auto whole = std::chrono::steady_clock::now() - begin;
  constexpr int kMoments = 40;
  for (int i = 0; i < kMoments; ++i) {
    fs::remove(file);
    fs::copy(model("tiny-t5-text") + "/model.safetensors", file);
    std::thread cutter([&] {
      std::this_thread::sleep_for(whole * i / kMoments);
      fs::resize_file(file, 4096);
    });
    const Result result = generate();
    cutter.join();
    EXPECT_TRUE(result.code == 0 || result.code == 65 || result.code == 74)
        << result.code << " " << result.err;
    if (result.code == 0) {
      EXPECT_EQ(result.out, right);
    } else {
      EXPECT_EQ(lines(result.err).size(), 1U) << result.err;
    }
  }
}

}  // namespace
}  // namespace transept::testing
