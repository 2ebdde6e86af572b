#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

#include "base/error.h"

namespace transept {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

class FileTest : public ::testing::Test {
 public:
  FileTest(const FileTest&) = delete;
  FileTest& operator=(const FileTest&) = delete;

 protected:
  FileTest()
      : folder(fs::temp_directory_path() / ("transept_file_test" + std::to_string(::getpid()))) {
    fs::create_directories(folder);
  }
  ~FileTest() override { fs::remove_all(folder); }
  [[nodiscard]] size_t entries() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder), {}));
  }
  fs::path folder;
};

ErrorCode code_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.code();
  }
  return ErrorCode::internal;
}

TEST_F(FileTest, WritesReadsAndMaps) {
  const std::string text = "one\0two"s + std::string(100000, 'x');
  write_file_atomic(folder / "a", text);
  EXPECT_EQ(read_file(folder / "a"), text);
  const MappedFile mapped(folder / "a");
  ASSERT_EQ(mapped.bytes().size(), text.size());
  EXPECT_EQ(std::memcmp(mapped.bytes().data(), text.data(), text.size()), 0);
  write_file_atomic(folder / "a", "");
  EXPECT_EQ(MappedFile(folder / "a").bytes().size(), 0U);
  EXPECT_EQ(entries(), 1U);
}

TEST(Files, EmbeddedFilesAreReadLikeOthers) {
  static constexpr std::array<std::byte, 3> kBytes = {std::byte{'a'}, std::byte{'b'},
                                                      std::byte{'c'}};
  static const std::vector<EmbeddedFile> kFiles = {{"some folder", "two.txt", kBytes},
                                                   {"some folder", "one.txt", {}}};
  add_embedded_files(kFiles);
  const std::filesystem::path folder = "some folder";
  EXPECT_TRUE(folder_exists(folder));
  EXPECT_TRUE(file_exists(folder / "one.txt"));
  EXPECT_FALSE(file_exists(folder / "three.txt"));
  EXPECT_FALSE(file_exists(folder));
  EXPECT_EQ(read_file(folder / "two.txt"), "abc");
  EXPECT_EQ(read_file(folder / "one.txt"), "");
  MappedFile mapped(folder / "two.txt");
  mapped.release(mapped.bytes());
  const MappedFile moved = std::move(mapped);
  EXPECT_EQ(moved.bytes().data(), kBytes.data());
  EXPECT_EQ(files_of(folder), (std::vector{folder / "one.txt", folder / "two.txt"}));
  EXPECT_THROW((void)read_file(folder / "three.txt"), Error);
}

TEST_F(FileTest, ErrorsSayWhatIsWrong) {
  EXPECT_EQ(code_of([&] { (void)read_file(folder / "missing"); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { MappedFile f(folder / "missing"); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { (void)read_file(folder); }), ErrorCode::bad_data);
  EXPECT_EQ(code_of([&] { write_file_atomic(folder / "no" / "a", "x"); }), ErrorCode::not_found);
}

TEST_F(FileTest, AFailedWriteLeavesTheOldFileAndNoTemporary) {
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

TEST_F(FileTest, WritesThroughLinksAndIntoPipes) {
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

TEST_F(FileTest, AFullDeviceIsAnErrorAndStaysOne) {
  const fs::path link = folder / "full";
  fs::create_symlink("/dev/full", link);
  EXPECT_EQ(code_of([&] { write_file_atomic(link, "x"); }), ErrorCode::io);
  EXPECT_TRUE(fs::is_character_file(link));
  EXPECT_EQ(entries(), 1U);
}

TEST_F(FileTest, AFullDiskLeavesTheOldFile) {
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
}  // namespace transept
