#include "text/unigram.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/error.h"

namespace transept {
namespace {

using Pieces = std::vector<std::pair<std::string, double>>;

std::vector<Piece> split(const SubwordModel& model, std::string_view word) {
  std::vector<Piece> out;
  model.tokenize(word, out);
  return out;
}

std::vector<std::string> texts(const SubwordModel& model, std::string_view word) {
  std::vector<std::string> out;
  for (const Piece& piece : split(model, word)) {
    out.emplace_back(word.substr(piece.begin, piece.end - piece.begin));
  }
  return out;
}

const Pieces kLetters = {{"<unk>", 0}, {"a", 0},  {"b", 0},   {"c", 0},    {"d", 0},
                         {"cd", 1},    {"ab", 2}, {"abc", 5}, {"abcd", 10}};

TEST(Unigram, TakesTheGreatestSum) {
  const Unigram model(kLetters, 0, false);
  EXPECT_EQ(texts(model, "abcdacdxx"), (std::vector<std::string>{"abcd", "a", "cd", "xx"}));
  EXPECT_EQ(split(model, "xxa"), (std::vector<Piece>{{0, 0, 2}, {1, 2, 3}}));
  EXPECT_TRUE(split(model, "").empty());
}

TEST(Unigram, OfEqualSumsTheFirstFoundStays) {
  const Unigram model({{"<unk>", 0}, {"a", -1}, {"aa", -2}, {"aaa", -3}}, 0, false);
  EXPECT_EQ(texts(model, "aaa"), (std::vector<std::string>{"aaa"}));
}

TEST(Unigram, ByteFallbackNeedsAllBytes) {
  Pieces pieces = {{"<unk>", 0}, {"a", -1}, {"<0xC3>", -9}, {"<0xA9>", -9}};
  const Unigram model(pieces, 0, true);
  EXPECT_EQ(split(model, "a\xc3\xa9"), (std::vector<Piece>{{1, 0, 1}, {2, 1, 3}, {3, 1, 3}}));
  EXPECT_EQ(split(model, "\xc3\xa9z"), (std::vector<Piece>{{0, 0, 3}}));
}

TEST(Unigram, TheSpmRulesKeepUnknownsApartAndSkipUnused) {
  using Kind = Unigram::Kind;
  const Unigram model({{"<unk>", 0, Kind::other},
                       {"a", -1, Kind::normal},
                       {"ab", -1, Kind::unused},
                       {"b", -2, Kind::normal},
                       {"<n>", 0, Kind::user_defined}},
                      0);
  EXPECT_EQ(split(model, "xxab<n>"),
            (std::vector<Piece>{{0, 0, 1}, {0, 1, 2}, {1, 2, 3}, {3, 3, 4}, {4, 4, 7}}));
  EXPECT_EQ(model.find("ab"), 2);
  EXPECT_EQ(model.find("<unk>"), std::nullopt);
  EXPECT_EQ(model.piece(0), "<unk>");
}

TEST(Unigram, WithoutAnUnknownPieceAnUnknownCharacterIsAnError) {
  const Unigram model({{"a", -1}}, -1, false);
  EXPECT_EQ(texts(model, "aa").size(), 2u);
  EXPECT_THROW((void)split(model, "ab"), Error);
  EXPECT_THROW(Unigram({{"a", -1}}, 1, false), Error);
}

// Against a search over all ways to cut, for words over a small alphabet.
double best_sum(const Pieces& pieces, std::string_view word, double unk) {
  if (word.empty()) return 0;
  double best = unk + best_sum(pieces, word.substr(1), unk);
  for (const auto& [text, score] : pieces) {
    if (word.starts_with(text)) {
      best = std::max(best, score + best_sum(pieces, word.substr(text.size()), unk));
    }
  }
  return best;
}

TEST(Unigram, NoOtherWayToCutScoresMore) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Pieces pieces = {{"<unk>", 0}};
    std::map<std::string, int> seen;
    for (int i = 0; i < 12; ++i) {
      std::string text;
      for (auto n = 1 + random() % 3; n > 0; --n) text += static_cast<char>('a' + random() % 3);
      if (seen[text]++ == 0) pieces.emplace_back(text, -double(random() % 64));
    }
    const Unigram model(pieces, 0, false);
    std::string word;
    for (int i = 0; i < 8; ++i) word += static_cast<char>('a' + random() % 4);
    double least = 0;
    for (const auto& piece : pieces) least = std::min(least, piece.second);
    double sum = 0;
    for (const Piece& piece : split(model, word)) {
      sum += piece.id == 0 ? (least - 10) * (piece.end - piece.begin)
                           : pieces[static_cast<size_t>(piece.id)].second;
    }
    EXPECT_EQ(sum, best_sum(pieces, word, least - 10)) << word;
  }
}

TEST(Unigram, AMegabyteWithoutASpaceIsLinear) {
  const Unigram model(kLetters, 0, false);
  std::string word;
  while (word.size() < (1u << 20)) word += "abcdz";
  EXPECT_EQ(split(model, word).size(), 2 * word.size() / 5);
}

TEST(DoubleArray, FindsEveryKeyAndNothingElse) {
  std::mt19937 random(3);
  std::map<std::string, int> expected;
  for (int i = 0; i < 20000; ++i) {
    std::string key;
    for (auto n = 1 + random() % 6; n > 0; --n) key += static_cast<char>(random() % 256);
    expected[key] = i;
  }
  std::vector<DoubleArray::Key> keys;
  keys.reserve(expected.size());
  for (const auto& [text, value] : expected) keys.push_back({text, value});
  std::shuffle(keys.begin(), keys.end(), random);
  const DoubleArray trie(keys);
  for (const auto& [text, value] : expected) EXPECT_EQ(trie.find(text), value);
  for (int i = 0; i < 20000; ++i) {
    std::string key;
    for (auto n = random() % 7; n > 0; --n) key += static_cast<char>(random() % 256);
    const auto found = expected.find(key);
    EXPECT_EQ(trie.find(key), found == expected.end() ? DoubleArray::kNone : found->second);
  }
  EXPECT_EQ(DoubleArray({{"a", 1}, {"abc", 2}}).longest_prefix("abcd"), 3u);
  EXPECT_EQ(DoubleArray({{"a", 1}, {"abc", 2}}).longest_prefix("abd"), 1u);
}

}  // namespace
}  // namespace transept
