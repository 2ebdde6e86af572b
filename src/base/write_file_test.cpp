#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "base/error.h"
#include "base/file.h"
#include "base/folder_testing.h"

namespace transept::testing {
namespace {

namespace fs = std::filesystem;

class WriteFile : public ::testing::Test {
 protected:
  [[nodiscard]] size_t entries() const { return folder_.files().size(); }
  // What stands beside "a" while it is written.
  [[nodiscard]] std::string temporary_name() const {
    std::string found;
    write_file_atomic(folder / "a", [&](FileSink&) {
      for (const std::string& name : folder_.files()) {
        if (name != "a") found = name;
      }
    });
    return found;
  }

 private:
  TemporaryFolder folder_;

 protected:
  const fs::path& folder = folder_.path();
};

unsigned permissions_of(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777u : 0;
}

ErrorCode code_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.code();
  }
  return ErrorCode::internal;
}

TEST_F(WriteFile, TemporaryNamesAreRandomAndTellTheirTarget) {
  const std::string first = temporary_name();
  const std::string second = temporary_name();
  EXPECT_EQ(target_of_temporary(first), "a");
  EXPECT_EQ(target_of_temporary(second), "a");
  EXPECT_NE(first, second);
  EXPECT_EQ(entries(), 1U);
}

TEST_F(WriteFile, TargetOfTemporaryKnowsNoOtherName) {
  EXPECT_EQ(target_of_temporary("a.memory.tmp-0123456789abcdef"), "a.memory");
  for (const char* other :
       {"", "a", "a.tmp", "a.tmp123", "a.tmp-0123456789abcde", "a.tmp-0123456789ABCDEF",
        "a.tmp-0123456789abcdef.txt", ".tmp-0123456789abcdef", "notes.memory.tmpl.txt"}) {
    EXPECT_EQ(target_of_temporary(other), "") << other;
  }
}

TEST_F(WriteFile, PermissionsFollowTheUmask) {
  const mode_t before = ::umask(027);
  write_file_atomic(folder / "usual", "x");
  write_file_atomic(folder / "private", "x", 0600);
  ::umask(before);
  EXPECT_EQ(permissions_of(folder / "usual"), 0640U);
  EXPECT_EQ(permissions_of(folder / "private"), 0600U);
}

TEST_F(WriteFile, TakesNamesAsLongAsAFileMayHave) {
  const fs::path longest = folder / std::string(255, 'n');
  write_file_atomic(longest, "x");
  EXPECT_TRUE(fs::is_regular_file(longest));
  EXPECT_EQ(entries(), 1U);
}

TEST_F(WriteFile, ALinkLoopIsAnErrorAndStays) {
  fs::create_symlink("loop", folder / "loop");
  EXPECT_EQ(code_of([&] { write_file_atomic(folder / "loop", "x"); }), ErrorCode::io);
  EXPECT_EQ(code_of([&] { write_file_atomic(folder / "loop" / "a", "x"); }), ErrorCode::io);
  EXPECT_TRUE(fs::is_symlink(folder / "loop"));
  EXPECT_EQ(entries(), 1U);
}

TEST_F(WriteFile, WhatAKilledProgramLeftIsRemovedAndNothingElse) {
  const pid_t child = ::fork();
  if (child == 0) {
    write_file_atomic(folder / "a", [](FileSink&) { ::raise(SIGKILL); });
    ::_exit(0);
  }
  ::waitpid(child, nullptr, 0);
  ASSERT_EQ(entries(), 1U);
  for (const char* name : {"a", "a.tmp-", "a.tmp123", "b.tmp-0123456789abcdef"})
    write_file_atomic(folder / name, "x");
  fs::create_directory(folder / "a.tmp-0123456789abcdea");
  fs::create_symlink("a", folder / "a.tmp-0123456789abcdeb");
  ASSERT_EQ(entries(), 7U);
  remove_temporaries(folder, [](std::string_view target) { return target == "a"; });
  EXPECT_EQ(entries(), 6U);
}

TEST_F(WriteFile, AFailedWriteLeavesTheOldFileAndNoTemporary) {
  write_file_atomic(folder / "a", "old");
  EXPECT_THROW(write_file_atomic(folder / "a",
                                 [](FileSink& sink) {
                                   sink.write("half of the new");
                                   fail(ErrorCode::cancelled, "stop");
                                 }),
               Error);
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(WriteFile, WritesThroughLinksAndIntoPipes) {
  write_file_atomic(folder / "a", "old");
  fs::create_symlink("a", folder / "link");
  fs::create_symlink("none", folder / "dangling");
  write_file_atomic(folder / "link", "new");
  write_file_atomic(folder / "dangling", "made");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(read_file(folder / "a"), "new");
  EXPECT_EQ(read_file(folder / "none"), "made");
  const fs::path pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  write_file_atomic(pipe, "text");
  std::array<char, 8> bytes{};
  EXPECT_EQ(::read(reader, bytes.data(), bytes.size()), 4);
  ::close(reader);
  EXPECT_TRUE(fs::is_fifo(pipe));
  EXPECT_EQ(entries(), 5U);
}

TEST_F(WriteFile, AFullDeviceIsAnErrorAndStaysOne) {
  const fs::path link = folder / "full";
  fs::create_symlink("/dev/full", link);
  EXPECT_EQ(code_of([&] { write_file_atomic(link, "x"); }), ErrorCode::io);
  EXPECT_TRUE(fs::is_character_file(link));
  EXPECT_EQ(entries(), 1U);
}

TEST_F(WriteFile, AFullDiskLeavesTheOldFile) {
  write_file_atomic(folder / "a", "old");
  const std::string big(1 << 20, 'x');
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{.rlim_cur = 1 << 16, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const ErrorCode code = code_of([&] { write_file_atomic(folder / "a", big); });
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(code, ErrorCode::io);
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(entries(), 1U);
}

}  // namespace
}  // namespace transept::testing
