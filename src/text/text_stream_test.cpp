#include "text/text_stream.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <random>

namespace transept {
namespace {

namespace fs = std::filesystem;

std::unique_ptr<const Tokenizer> fixture(const char* name) {
  return load_tokenizer(fs::path(TRANSEPT_FIXTURES) / name);
}

constexpr const char* kFolders[] = {"tokenizers/bpe_metaspace", "tokenizers/bpe_suffix",
                                    "tokenizers/byte_level",    "tokenizers/unigram",
                                    "tokenizers/wordlevel",     "tokenizers/wordpiece",
                                    "models/tiny-t5-text",      "models/byt5"};

std::string streamed(const Tokenizer& tokenizer, const std::vector<Token>& ids) {
  TextStream stream(&tokenizer);
  std::string text;
  for (const Token id : ids) text += stream.add(id);
  return text + std::string(stream.finish());
}

TEST(TextStream, PiecesTogetherAreTheText) {
  std::string text;
  for (int i = 0; i < 60; ++i)
    text += "The dog doesn't sleep, \xF0\x9F\x98\x80 \xC3\xBC\xE8\x8C\xB6 . ";
  for (const char* folder : kFolders) {
    const auto tokenizer = fixture(folder);
    const std::vector<Token> ids = tokenizer->encode(text).ids;
    ASSERT_GT(ids.size(), 200U) << folder;
    EXPECT_EQ(streamed(*tokenizer, ids), tokenizer->decode(ids)) << folder;
  }
}

// Halves of characters, marks, spaces in a row. (Not bpe_metaspace: there one wrong byte undoes
// characters that came before it.)
TEST(TextStream, PiecesOfAnyTokensTogetherAreTheirText) {
  for (const char* folder : kFolders) {
    if (std::string_view(folder).ends_with("bpe_metaspace")) continue;
    const auto tokenizer = fixture(folder);
    std::mt19937 random(7);
    for (const int n : {1, 2, 17, 700}) {
      std::vector<Token> ids(static_cast<size_t>(n));
      for (Token& id : ids)
        id = static_cast<Token>(random() % static_cast<unsigned>(tokenizer->size()));
      EXPECT_EQ(streamed(*tokenizer, ids), tokenizer->decode(ids)) << folder << ", " << n;
    }
  }
}

// Four tokens, one character: its first three bytes look alike twice.
TEST(TextStream, WaitsForWholeCharacters) {
  const auto tokenizer = fixture("models/byt5");
  TextStream stream(tokenizer.get());
  std::vector<std::string> pieces;
  for (const Token id : tokenizer->encode("\xF0\x9F\x98\x80!").ids)
    if (const auto piece = stream.add(id); !piece.empty()) pieces.emplace_back(piece);
  if (const auto rest = stream.finish(); !rest.empty()) pieces.emplace_back(rest);
  EXPECT_EQ(pieces, (std::vector<std::string>{"\xF0\x9F\x98\x80", "!"}));
}

TEST(TextStream, HandsOutTextSoon) {
  for (const char* folder : kFolders) {
    const auto tokenizer = fixture(folder);
    const std::vector<Token> ids = tokenizer->encode("The dog sleeps. The dog sleeps.").ids;
    TextStream stream(tokenizer.get());
    size_t sent = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i) sent += stream.add(ids[i]).size();
    EXPECT_GT(2 * sent, tokenizer->decode(ids).size()) << folder;
  }
}

}  // namespace
}  // namespace transept
