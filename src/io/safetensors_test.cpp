#include "io/safetensors.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <span>

#include "io/support.h"

namespace transept::testing {
namespace {

std::string file_of(const std::string& header, size_t data_bytes) {
  const uint64_t size = header.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &size, 8);
  return out + header + std::string(data_bytes, '\1');
}

SafetensorsFile parse(const std::string& file) {
  return SafetensorsFile::parse(std::as_bytes(std::span(file)), "x");
}

std::string refused(const std::string& header, size_t data_bytes) {
  const std::string file = file_of(header, data_bytes);
  return error_of([&] { (void)parse(file); });
}

constexpr const char* kGood =
    R"({"__metadata__":{"a":"b"},"t":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
    R"("u":{"dtype":"I64","shape":[],"data_offsets":[24,32]},)"
    R"("v":{"dtype":"BF16","shape":[0,9],"data_offsets":[32,32]}} )";

TEST(Safetensors, ReadsTypesShapesAndMetadata) {
  const std::string bytes = file_of(kGood, 32);
  const SafetensorsFile file = parse(bytes);
  ASSERT_EQ(file.tensors().size(), 3u);
  EXPECT_EQ(file.find("t")->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(file.find("t")->size_bytes, 24u);
  EXPECT_EQ(file.find("u")->type, StoredType::i64);
  EXPECT_EQ(file.find("v")->size_bytes, 0u);
  EXPECT_EQ(file.find("w"), nullptr);
  EXPECT_EQ(file.metadata().at("a"), "b");
}

TEST(Safetensors, RefusesWhatTheFormatForbids) {
  EXPECT_EQ(refused("[]", 0), "x: the header is not a JSON object");
  EXPECT_EQ(refused(" {}", 0), "x: the header is not a JSON object");
  EXPECT_EQ(refused("{}", 4), "x: the tensors end at byte 0 of the data's 4");
  EXPECT_EQ(refused(R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 9),
            "x: the tensors end at byte 8 of the data's 9");
  EXPECT_EQ(refused(R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})", 9),
            "x: t: begins at byte 1 of the data, expected 0");
  EXPECT_EQ(refused(R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                    R"("u":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                    12),
            "x: u: begins at byte 4 of the data, expected 8");
  EXPECT_EQ(refused(R"({"t":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8),
            "x: t: 8 bytes, expected 12 for F32 [3]");
  EXPECT_EQ(refused(R"({"t":{"dtype":"F32","shape":[2],"data_offsets":[0,16]}})", 8),
            "x: t.data_offsets[1]: 16, expected 0 to 8");
  EXPECT_EQ(refused(R"({"t":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}})", 8),
            "x: t.dtype: unknown type \"F31\"");
  EXPECT_EQ(refused(R"({"t":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8),
            "x: t.shape[0]: -2, expected 0 to 281474976710656");
  EXPECT_EQ(refused(R"({"t":{"dtype":"F32","shape":[281474976710656,281474976710656],)"
                    R"("data_offsets":[0,8]}})",
                    8),
            "x: t: the shape [281474976710656, 281474976710656] is too large");
  EXPECT_EQ(refused(R"({"t":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                    R"("t":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
                    2),
            "x: \"t\" stands twice");
  EXPECT_EQ(refused(R"({"t":{"dtype":"U8","shape":[2]}})", 2), "x: t: \"data_offsets\" is missing");
  EXPECT_EQ(refused(R"({"t":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})", 1),
            "x: t.shape: more than 8 dimensions");
}

TEST(Safetensors, RefusesAHeaderThatIsLargerThanTheFile) {
  std::string file = file_of("{}", 0);
  EXPECT_EQ(error_of([&] { (void)parse(file.substr(0, 7)); }),
            "x: 7 bytes are too few for a safetensors file");
  file[7] = '\x7f';
  EXPECT_EQ(error_of([&] { (void)parse(file); }),
            "x: a header of 9151314442816847874 bytes in a file of 10: cut short, or not a "
            "safetensors file");
}

TEST(Safetensors, DamageIsAnErrorOrHarmless) {
  const std::string good = file_of(kGood, 32);
  for_each_damage(good, good.size() * 8, [&](const std::string& damaged) {
    const size_t peak = peak_allocation([&] {
      try {
        const SafetensorsFile file = parse(damaged);
        size_t bytes = 0;
        for (const auto& [name, tensor] : file.tensors()) bytes += tensor.size_bytes;
        EXPECT_EQ(bytes, 32u);
      } catch (const Error&) {
      }
    });
    EXPECT_LE(peak, 2 * damaged.size() + 16384);
  });
}

std::vector<TensorToWrite> two_tensors(const std::vector<float>& a,
                                       const std::vector<uint16_t>& b) {
  return {{.name = "a",
           .type = StoredType::bf16,
           .shape = {3},
           .bytes = std::as_bytes(std::span(b)),
           .make = {}},
          {.name = "b\"\n",
           .type = StoredType::f32,
           .shape = {1, 2},
           .bytes = std::as_bytes(std::span(a)),
           .make = {}}};
}

TEST(Safetensors, WritesWhatItReads) {
  const TemporaryFolder folder;
  const std::vector<float> a = {1.5F, -2};
  const std::vector<uint16_t> b = {1, 2, 3};
  const auto path = folder.path() / "x.safetensors";
  write_safetensors(path, two_tensors(a, b), {{"k", "v\\"}});
  const SafetensorsFile file = SafetensorsFile::open(path);
  EXPECT_EQ(file.metadata().at("k"), "v\\");
  EXPECT_EQ(std::memcmp(file.read(*file.find("b\"\n")).data(), a.data(), 8), 0);
  EXPECT_EQ(std::memcmp(file.read(*file.find("a")).data(), b.data(), 6), 0);
  const auto address = [&](const char* name) { return file.find(name)->offset; };
  EXPECT_EQ(address("b\"\n") % 8, 0u);  // the wider type comes first
  EXPECT_EQ(address("a"), address("b\"\n") + 8);
}

// A limit on the size of files stands for a disk that is full.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit limit{bytes, old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit old_{};
  void (*handler_)(int);
};

TEST(Safetensors, AFailedWriteLeavesTheOldFileAlone) {
  const TemporaryFolder folder;
  const std::vector<float> a(2, 1);
  const std::vector<uint16_t> b(3, 1);
  const auto path = folder.path() / "x.safetensors";
  write_text(path, "old");
  std::string message;
  {
    const FileSizeLimit limit(64);
    message = error_of([&] { write_safetensors(path, two_tensors(a, b), {}); }, folder.path());
  }
  EXPECT_EQ(message, "DIR/x.safetensors: cannot write: File too large");
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(folder.files(), std::vector<std::string>{"x.safetensors"});
}

TEST(Safetensors, AFullDiskIsAnError) {
  const int full = ::open("/dev/full", O_WRONLY);
  ASSERT_GE(full, 0);
  FileSink sink(full, "x");
  EXPECT_EQ(error_of([&] { sink.write("abc"); }), "x: cannot write: No space left on device");
  ::close(full);
}

}  // namespace
}  // namespace transept::testing
