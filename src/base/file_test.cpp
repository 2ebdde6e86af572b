#include "base/file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
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

}  // namespace
}  // namespace transept
