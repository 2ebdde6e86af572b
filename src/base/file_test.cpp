#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <thread>

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

std::string read_at(const InputFile& file, size_t offset, size_t size) {
  std::string bytes(size, '\0');
  file.read(offset, std::as_writable_bytes(std::span(bytes)));
  return bytes;
}

ErrorCode code_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.code();
  }
  return ErrorCode::internal;
}

TEST_F(FileTest, WritesAndReads) {
  const std::string text = "one\0two"s + std::string(100000, 'x');
  write_file_atomic(folder / "a", text);
  EXPECT_EQ(read_file(folder / "a"), text);
  const InputFile file(folder / "a");
  ASSERT_EQ(file.size(), text.size());
  EXPECT_EQ(read_at(file, 3, 5), "\0two"s + "x");
  write_file_atomic(folder / "a", "");
  EXPECT_EQ(InputFile(folder / "a").size(), 0U);
  EXPECT_EQ(read_file(folder / "a"), "");
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
  const InputFile file(folder / "two.txt");
  EXPECT_EQ(read_at(file, 1, 2), "bc");
  EXPECT_TRUE(file.is_in_place());
  file.check_unchanged();
  EXPECT_EQ(read_text(folder / "two.txt", 3), "abc");
  EXPECT_EQ(files_of(folder), (std::vector{folder / "one.txt", folder / "two.txt"}));
  EXPECT_THROW((void)read_file(folder / "three.txt"), Error);
}

TEST_F(FileTest, ErrorsSayWhatIsWrong) {
  EXPECT_EQ(code_of([&] { (void)read_file(folder / "missing"); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { InputFile f(folder / "missing"); }), ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { (void)read_file(folder); }), ErrorCode::bad_data);
  EXPECT_EQ(code_of([&] { write_file_atomic(folder / "no" / "a", "x"); }), ErrorCode::not_found);
}

// Everything that is no regular file, by name.
std::vector<fs::path> make_special_files(const fs::path& folder) {
  fs::create_directory(folder / "folder");
  fs::create_symlink("loop", folder / "loop");
  EXPECT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  fs::create_symlink("/dev/zero", folder / "device");
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (folder / "socket").string().copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(socket);
  return {folder / "folder", folder / "loop", folder / "pipe", folder / "device",
          folder / "socket"};
}

TEST_F(FileTest, SpecialFilesAreThereAndRefusedByNameAtOnce) {
  for (const fs::path& path : make_special_files(folder)) {
    EXPECT_TRUE(file_exists(path)) << path;
    try {
      (void)read_file(path);
      FAIL() << path;
    } catch (const Error& error) {
      const bool is_loop = path.filename() == "loop";
      EXPECT_EQ(error.code(), is_loop ? ErrorCode::io : ErrorCode::bad_data);
      EXPECT_EQ(error.what(),
                path.string() +
                    (is_loop ? ": cannot open: Too many levels of symbolic links"
                             : ": a " + path.filename().string() + ", expected a regular file"));
    }
  }
  EXPECT_FALSE(folder_exists(folder / "loop"));
  EXPECT_EQ(files_of(folder),
            (std::vector{folder / "device", folder / "loop", folder / "pipe", folder / "socket"}));
}

TEST_F(FileTest, WholeReadsAreBounded) {
  write_file_atomic(folder / "a", "12345");
  EXPECT_EQ(read_file(folder / "a", 5), "12345");
  EXPECT_EQ(code_of([&] { (void)read_file(folder / "a", 4); }), ErrorCode::limit);
  EXPECT_EQ(read_text(folder / "a", 5), "12345");
  EXPECT_EQ(code_of([&] { (void)read_text(folder / "a", 4); }), ErrorCode::limit);
  EXPECT_EQ(code_of([&] { (void)read_text("/dev/zero", 1 << 20); }), ErrorCode::limit);
  EXPECT_EQ(code_of([&] { each_line("/dev/zero", [](std::string_view, size_t) {}); }),
            ErrorCode::limit);
}

std::vector<std::string> lines_of(const fs::path& path) {
  std::vector<std::string> lines;
  each_line(path, [&](std::string_view line, size_t number) {
    lines.emplace_back(line);
    EXPECT_EQ(number, lines.size());
  });
  return lines;
}

TEST_F(FileTest, LinesComeFromFilesAndPipes) {
  const std::string long_line(200'000, 'x');
  const std::string text = "one\n\n" + long_line + "\nlast\r";
  const std::vector<std::string> lines = {"one", "", long_line, "last\r"};
  write_file_atomic(folder / "a", text);
  EXPECT_EQ(lines_of(folder / "a"), lines);
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  std::thread writer([&] { write_file_atomic(folder / "pipe", text); });
  EXPECT_EQ(lines_of(folder / "pipe"), lines);
  writer.join();
  EXPECT_EQ(lines_of("/dev/null"), std::vector<std::string>{});
  EXPECT_EQ(code_of([&] { (void)lines_of(folder); }), ErrorCode::io);
}

// Writes into the file that is there, as `cp` and editors do.
void write_in_place(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

TEST_F(FileTest, AChangeAfterOpeningIsTold) {
  const fs::path path = folder / "a";
  const auto changed = [&](const std::function<void()>& change) {
    write_file_atomic(path, "12345678");
    const InputFile file(path);
    EXPECT_EQ(read_at(file, 2, 4), "3456");
    file.check_unchanged();
    change();
    return code_of([&] { file.check_unchanged(); });
  };
  EXPECT_EQ(changed([&] { write_in_place(path, "abcdefgh"); }), ErrorCode::io);
  EXPECT_EQ(changed([&] { fs::resize_file(path, 4); }), ErrorCode::io);
  EXPECT_EQ(changed([&] { fs::resize_file(path, 40); }), ErrorCode::io);
  // What was opened is whole whatever takes its name.
  EXPECT_EQ(changed([&] { write_file_atomic(path, "abcdefgh"); }), ErrorCode::internal);
  EXPECT_EQ(changed([&] { fs::remove(path); }), ErrorCode::internal);
}

TEST_F(FileTest, ReadingBeyondACutFileIsAnError) {
  write_file_atomic(folder / "a", std::string(1 << 20, 'x'));
  const InputFile file(folder / "a");
  EXPECT_TRUE(file.is_in_place());
  fs::resize_file(folder / "a", 10);
  EXPECT_EQ(code_of([&] { (void)read_at(file, 0, 1 << 20); }), ErrorCode::io);
  EXPECT_TRUE(file.is_in_place());
  write_file_atomic(folder / "a", "new");
  EXPECT_FALSE(file.is_in_place());
  fs::remove(folder / "a");
  EXPECT_FALSE(file.is_in_place());
}

// The clock of a file's times stands still for milliseconds.
TEST_F(FileTest, AChangeRightAfterTheLastOneIsTold) {
  const fs::path path = folder / "a";
  for (int i = 0; i < 50; ++i) {
    write_in_place(path, "12345678");
    const InputFile file(path);
    write_in_place(path, "abcdefgh");
    EXPECT_EQ(code_of([&] { file.check_unchanged(); }), ErrorCode::io) << i;
  }
}

}  // namespace
}  // namespace transept
