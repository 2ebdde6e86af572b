// Every file of a tokenizer, cut short anywhere and with flipped bits: an Error, or a tokenizer
// that works; and never more than twice the memory that the good files take.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "base/damage_testing.h"
#include "base/error.h"
#include "base/file.h"
#include "base/folder_testing.h"
#include "text/tokenizer.h"

namespace transept::testing {
namespace {

namespace fs = std::filesystem;

class Damaged : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const fs::path fixture = fs::path(TRANSEPT_FIXTURES) / "tokenizers" / GetParam();
    const bool is_file = fs::is_regular_file(fixture);
    for (const fs::path& file : is_file ? std::vector{fixture} : files_of(fixture)) {
      if (file.filename() == "golden.json") continue;
      fs::copy(file, folder.path() / file.filename());
      files.push_back(folder.path() / file.filename());
    }
    tokenizer = is_file ? files.front() : folder.path();
  }

  static void write(const fs::path& file, const std::string& bytes) {
    fs::remove(file);  // a file that is cut to nothing and written again is synced by ext4: slow
    std::ofstream(file, std::ios::binary) << bytes;
    // Older than a tick of the clock: reading it need not wait until a change could be told.
    fs::last_write_time(file, fs::file_time_type::clock::now() - std::chrono::seconds(2));
  }

  void load_and_use() const {
    try {
      const std::unique_ptr<Tokenizer> loaded = load_tokenizer(tokenizer);
      for (const char* text : {"The fox <mask> isn't  \u00e9\u0301 \u72d0 \t12 </s>", ""}) {
        const Encoding encoding = loaded->encode(text, {});
        static_cast<void>(loaded->decode(encoding.ids, true));
      }
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::internal) << error.what();
    }
  }

  TemporaryFolder folder;
  fs::path tokenizer;  // what is loaded
  std::vector<fs::path> files;
};

TEST_P(Damaged, IsAnErrorOrWorks) {
  ASSERT_NO_THROW((void)load_tokenizer(tokenizer));
  load_and_use();  // makes the tables that all tokenizers share
  size_t most = 0;
  for (const fs::path& file : files) {
    const std::string good = read_file(file);
    constexpr size_t kFlips = 2000;
    for_each_damage(good, kFlips, [&](const std::string& damaged) {
      write(file, damaged);
      most = std::max(most, peak_allocation([&] { load_and_use(); }));
    });
    write(file, good);
  }
  EXPECT_LE(most, 2 * peak_allocation([&] { load_and_use(); }));
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Damaged,
                         ::testing::Values("wordpiece", "byte_level", "bpe_metaspace", "bpe_suffix",
                                           "unigram", "wordlevel", "vocab_txt", "roberta_files",
                                           "spm/marian_separate", "spm/m2m100_special",
                                           "spm/unigram_bytes.model", "spm/bpe_unused.model",
                                           "spm/unigram_back.model"));

}  // namespace
}  // namespace transept::testing
