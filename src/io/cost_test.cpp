// What reading costs: ten times the elements take at most twelve times the time. Names come as
// writers leave them, sorted; in any other order sorting them comes on top.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <ctime>
#include <limits>

#include "base/file.h"
#include "io/memory_file.h"
#include "io/shortlist_file.h"
#include "io/support.h"
#include "io/tensor_set.h"

namespace transept::testing {
namespace {

constexpr double kMostRatio = 12;

double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double seconds_of(const std::function<void()>& f) {
  double best = std::numeric_limits<double>::max();
  for (int i = 0; i < 5; ++i) {
    const double begin = processor_seconds();
    f();
    best = std::min(best, processor_seconds() - begin);
  }
  return best;
}

// `use(n)` makes an input of n elements and gives what reads it.
void expect_linear(int n, const std::function<std::function<void()>(int)>& make) {
  double ratio = 0;
  for (int attempt = 0; attempt < 10; ++attempt) {  // neighbours take the cache now and then
    const double some = seconds_of(make(n));
    const double many = seconds_of(make(10 * n));
    EXPECT_GT(some, 1e-4) << "too little to measure";
    ratio = many / some;
    if (ratio <= kMostRatio) break;
  }
  EXPECT_LE(ratio, kMostRatio);
}

std::string header_of(int n) {
  std::string json = "{";
  for (int i = 0; i < n; ++i) {
    json += fmt::format(
        "{}\"decoder.block.{:08}.weight\":{{\"dtype\":\"F32\",\"shape\":[1,1],"
        "\"data_offsets\":[{},{}]}}",
        i > 0 ? "," : "", i, 4 * i, 4 * i + 4);
  }
  return json + "}";
}

std::string file_of(const std::string& header, size_t data_bytes) {
  const uint64_t size = header.size();
  std::string out(sizeof size, '\0');
  std::memcpy(out.data(), &size, sizeof size);
  return out + header + std::string(data_bytes, '\1');
}

TEST(Cost, OfASafetensorsHeader) {
  expect_linear(3000, [](int n) {
    return [bytes = file_of(header_of(n), 4 * static_cast<size_t>(n)), n] {
      const auto file = SafetensorsFile::parse(std::as_bytes(std::span(bytes)), "x");
      EXPECT_EQ(file.tensors().size(), static_cast<size_t>(n));
    };
  });
}

TEST(Cost, OfMetadata) {
  expect_linear(10000, [](int n) {
    std::string json = "{\"__metadata__\":{";
    for (int i = 0; i < n; ++i)
      json += fmt::format("{}\"key {:08}\":\"value\"", i > 0 ? "," : "", i);
    return [bytes = file_of(json + "}}", 0), n] {
      const auto file = SafetensorsFile::parse(std::as_bytes(std::span(bytes)), "x");
      EXPECT_EQ(file.metadata().size(), static_cast<size_t>(n));
    };
  });
}

// One error that names the last of many costs no more than reading them.
TEST(Cost, OfAnErrorAtTheEnd) {
  expect_linear(3000, [](int n) {
    std::string header = header_of(n);
    header.replace(header.rfind("F32"), 3, "F33");
    return [bytes = file_of(header, 4 * static_cast<size_t>(n))] {
      EXPECT_NE(error_of([&] {
                  (void)SafetensorsFile::parse(std::as_bytes(std::span(bytes)), "x");
                }).find("unknown type"),
                std::string::npos);
    };
  });
}

TEST(Cost, OfAnIndex) {
  const TemporaryFolder folder;
  expect_linear(2000, [&](int n) {
    const std::string bytes = file_of(header_of(n), 4 * static_cast<size_t>(n));
    write_text(folder.path() / "shard.safetensors", bytes);
    std::string map;
    for (int i = 0; i < n; ++i) {
      map += fmt::format("{}\"decoder.block.{:08}.weight\":\"shard.safetensors\"", i > 0 ? "," : "",
                         i);
    }
    write_text(folder.path() / "model.safetensors.index.json", "{\"weight_map\":{" + map + "}}");
    return [&folder, n] {
      EXPECT_EQ(TensorSet::open(folder.path()).entries().size(), static_cast<size_t>(n));
    };
  });
}

TEST(Cost, OfAShortlistTable) {
  expect_linear(5000, [](int n) {
    std::string text;
    for (int i = 0; i < n; ++i) text += fmt::format("t{} s{} 0.5\n", i * 7919 % n, i * 31 % n);
    return [text, n] {
      ShortlistVocabulary vocabulary;
      vocabulary.n_sources = n;
      vocabulary.n_targets = n;
      vocabulary.find = [](std::string_view piece) -> std::optional<Token> {
        return std::stoi(std::string(piece.substr(1)));
      };
      (void)read_shortlist(std::as_bytes(std::span(text)), "x", vocabulary, {});
    };
  });
}

TEST(Cost, OfABinaryShortlist) {
  expect_linear(20'000, [](int n) {
    std::vector<uint64_t> words = {
        0xF11A48D5013417F5, 0, 10, 10, static_cast<uint64_t>(n) + 1, 2 * static_cast<uint64_t>(n)};
    for (int i = 0; i <= n; ++i) words.push_back(2 * static_cast<uint64_t>(i));
    for (int i = 0; i < n; ++i) words.push_back(static_cast<uint64_t>(i));
    for (size_t i = 2; i < words.size(); ++i)
      words[1] ^= words[i] + 0x9e3779b9 + (words[1] << 6) + (words[1] >> 2);
    return [words, n] {
      ShortlistVocabulary vocabulary;
      vocabulary.n_sources = n;
      vocabulary.n_targets = n;
      (void)read_shortlist(std::as_bytes(std::span(words)), "x", vocabulary, {});
    };
  });
}

TEST(Cost, OfAMemoryFile) {
  expect_linear(5000, [](int n) {
    std::string segments = "[";
    for (int i = 0; i < n; ++i) segments += fmt::format("{}[{},{}]", i > 0 ? "," : "", i, i + 1);
    const std::vector<float> hidden(static_cast<size_t>(n) * 4, 1);
    const std::vector<int32_t> ids(static_cast<size_t>(n), 3);
    std::vector<TensorToWrite> tensors(2);
    tensors[0] = {.name = "hidden",
                  .type = StoredType::f32,
                  .shape = {n, 4},
                  .bytes = std::as_bytes(std::span(hidden)),
                  .make = {}};
    tensors[1] = {.name = "ids",
                  .type = StoredType::i32,
                  .shape = {n},
                  .bytes = std::as_bytes(std::span(ids)),
                  .make = {}};
    const std::string bytes = safetensors_bytes(std::move(tensors), {{"format", "transept memory"},
                                                                     {"version", "1"},
                                                                     {"fingerprint", "x"},
                                                                     {"segments", segments + "]"},
                                                                     {"text_hash", ""}});
    return [bytes, n] {
      const auto file = SafetensorsFile::parse(std::as_bytes(std::span(bytes)), "x");
      EXPECT_EQ(read_memory_file(file).segments.size(), static_cast<size_t>(n));
    };
  });
}

}  // namespace
}  // namespace transept::testing
