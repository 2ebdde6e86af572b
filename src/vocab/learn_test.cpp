// That AutoTokenizer reads what is written here with the same ids is tools/compare_vocab.py's to
// check; here, that our own loader does, that equal text gives equal files, and what is refused.
#include "vocab/learn.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "text/tokenizer.h"

namespace transept {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kLines = {
    "the quick brown fox jumped over the lazy dog\tder schnelle braune Fuchs", "one two three",
    "the dog sleeps, the fox runs", "", "der Hund schläft"};

NextLine from(const std::vector<std::string>& lines) {
  return [&lines, i = size_t{0}](std::string& line) mutable {
    if (i == lines.size()) return false;
    line = lines[i++];
    return true;
  };
}

class Vocab : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("transept_vocab_test_" + std::to_string(::getpid()));
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::unique_ptr<Tokenizer> learn(const VocabularyOptions& options) {
    report_ = learn_vocabulary(from(kLines), options, folder_);
    return load_tokenizer(folder_);
  }

  fs::path folder_;
  VocabularyReport report_;
};

TEST_F(Vocab, OfEveryKindReadsBackItsOwnText) {
  for (const char* type : {"unigram", "bpe", "char", "word"}) {
    for (const char* family : {"t5", "bart", "marian"}) {
      const bool subword = std::string(type) == "unigram" || std::string(type) == "bpe";
      if (!subword && std::string(family) == "marian") continue;
      SCOPED_TRACE(std::string(type) + " " + family);
      const auto tokenizer =
          learn({.type = type, .family = family, .size = subword ? 44 : 100, .coverage = 1});
      EXPECT_EQ(tokenizer->size(), report_.size);
      EXPECT_EQ(report_.lines, 5);
      const std::string text = "the dog sleeps, der Hund schläft";
      const Encoding encoded = tokenizer->encode(text);
      EXPECT_EQ(tokenizer->decode(encoded.ids), text);
      EXPECT_EQ(encoded.ids.back(), *tokenizer->find("</s>"));
      EXPECT_EQ(encoded.ids.front() == tokenizer->find("<s>"), std::string(family) == "bart");
      ASSERT_TRUE(tokenizer->find("<pad>").has_value());
      EXPECT_TRUE(tokenizer->is_special(*tokenizer->find("<pad>")));
      fs::remove_all(folder_);
    }
  }
}

TEST_F(Vocab, GivesEachFamilyItsMarks) {
  const auto t5 = learn({.type = "word"});
  EXPECT_EQ(t5->find("<pad>"), 0);
  EXPECT_EQ(t5->find("</s>"), 1);
  EXPECT_EQ(t5->find("<unk>"), 2);
  EXPECT_EQ(t5->find("the"), 3);  // the commonest
  const auto bart = learn({.type = "char", .family = "bart"});
  EXPECT_EQ(bart->find("<s>"), 0);
  EXPECT_EQ(bart->find("<unk>"), 3);
  fs::remove_all(folder_);
  const auto marian = learn({.family = "marian", .size = 44, .coverage = 1});
  EXPECT_EQ(marian->find("</s>"), 0);
  EXPECT_EQ(marian->find("<pad>"), 43);
}

TEST_F(Vocab, IsTheSameForTheSameText) {
  for (const char* type : {"unigram", "bpe", "char", "word"}) {
    const VocabularyOptions options{.type = type, .size = 44};
    (void)learn(options);
    const std::string first = read_file(folder_ / "tokenizer.json");
    (void)learn(options);
    EXPECT_EQ(read_file(folder_ / "tokenizer.json"), first) << type;
  }
}

TEST_F(Vocab, TakesAPatternForWords) {
  // Letters one by one, phonemes whole.
  const std::vector<std::string> lines = {"fox\tF AA1 K S", "box\tB AA1 K S"};
  (void)learn_vocabulary(from(lines), {.type = "word", .pattern = "[A-Z]+[0-2]?|[a-z]"}, folder_);
  const auto tokenizer = load_tokenizer(folder_);
  EXPECT_EQ(tokenizer->encode("box").ids.size(), 4u);
  EXPECT_EQ(tokenizer->decode(tokenizer->encode("F AA1 K S").ids), "F AA1 K S");
}

TEST_F(Vocab, NeverCutsASymbol) {
  for (const char* type : {"unigram", "bpe", "char", "word"}) {
    const auto tokenizer = learn({.type = type, .size = 45, .symbols = {"<2de>"}, .coverage = 1});
    const auto id = tokenizer->find("<2de>");
    ASSERT_TRUE(id.has_value()) << type;
    EXPECT_EQ(tokenizer->encode("<2de>the dog").ids.front(), *id) << type;
  }
}

TEST_F(Vocab, FallsBackToBytesOrToUnknown) {
  const auto bytes = learn({.size = 300, .byte_fallback = true, .coverage = 1});
  EXPECT_EQ(bytes->decode(bytes->encode("日本 fox").ids), "日本 fox");
  const auto characters = learn({.type = "char", .min_count = 2});
  EXPECT_GT(report_.unknown, 0);
  EXPECT_EQ(characters->encode("日").ids.front(), *characters->find("<unk>"));
}

TEST_F(Vocab, RefusesWhatDoesNotFit) {
  const auto code = [&](const std::vector<std::string>& lines, const VocabularyOptions& options) {
    try {
      (void)learn_vocabulary(from(lines), options, folder_);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::internal;
  };
  EXPECT_EQ(code(kLines, {.size = 8000}), ErrorCode::usage);  // more than the text has
  EXPECT_EQ(code(kLines, {.type = "letters"}), ErrorCode::usage);
  EXPECT_EQ(code(kLines, {.type = "char", .family = "marian"}), ErrorCode::usage);
  EXPECT_EQ(code(kLines, {.type = "bpe", .pattern = "x"}), ErrorCode::usage);
  EXPECT_EQ(code(kLines, {.type = "word", .pattern = "("}), ErrorCode::bad_data);
  EXPECT_EQ(code({}, {.type = "word"}), ErrorCode::usage);
  EXPECT_EQ(code({}, {.size = 40}), ErrorCode::usage);
  EXPECT_EQ(code({"a\xff"}, {.type = "word"}), ErrorCode::bad_data);
  EXPECT_EQ(code({"a\xff"}, {.size = 40}), ErrorCode::bad_data);
  EXPECT_FALSE(fs::exists(folder_));
}

}  // namespace
}  // namespace transept
