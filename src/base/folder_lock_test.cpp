#include "base/folder_lock.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "base/error.h"
#include "base/folder_testing.h"

namespace transept::testing {
namespace {

namespace fs = std::filesystem;

TEST(FolderLock, IsHeldByOneAtATime) {
  const TemporaryFolder folder;
  std::optional<FolderLock> first = FolderLock::take(folder.path());
  ASSERT_TRUE(first.has_value());
  EXPECT_TRUE(first->holds());
  EXPECT_FALSE(FolderLock::take(folder.path()).has_value());
  first.reset();
  EXPECT_TRUE(FolderLock::take(folder.path()).has_value());
}

TEST(FolderLock, LeavesNothingThatCouldBeRemoved) {
  const TemporaryFolder folder;
  const std::optional<FolderLock> lock = FolderLock::take(folder.path());
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(FolderLock, HoldsThroughALinkToTheFolder) {
  const TemporaryFolder folder;
  fs::create_directory(folder.path() / "a");
  fs::create_directory_symlink("a", folder.path() / "link");
  const std::optional<FolderLock> lock = FolderLock::take(folder.path() / "link");
  ASSERT_TRUE(lock.has_value());
  EXPECT_FALSE(FolderLock::take(folder.path() / "a").has_value());
}

TEST(FolderLock, GoesWithTheProcess) {
  const TemporaryFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = FolderLock::take(folder.path());
    ::_exit(lock ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(FolderLock::take(folder.path()).has_value());
}

TEST(FolderLock, NamesWhatIsNoFolder) {
  const TemporaryFolder folder;
  const auto code_of = [](const fs::path& path) {
    try {
      (void)FolderLock::take(path);
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos);
      return error.code();
    }
    return ErrorCode::internal;
  };
  EXPECT_EQ(code_of(folder.path() / "none"), ErrorCode::not_found);
  fs::create_symlink("loop", folder.path() / "loop");
  EXPECT_EQ(code_of(folder.path() / "loop"), ErrorCode::io);
}

}  // namespace
}  // namespace transept::testing
