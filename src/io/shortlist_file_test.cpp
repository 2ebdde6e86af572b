// Shortlists from files: both forms by hand, and every damage of the binary one.
#include "io/shortlist_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "io/support.h"

namespace transept::testing {
namespace {

const std::vector<std::string> kPieces = {"</s>", "<unk>", "a", "b", "c", "d"};

ShortlistVocabulary vocabulary() {
  return {.n_sources = 6, .n_targets = 6, .find = [](std::string_view piece) {
            const auto found = std::ranges::find(kPieces, piece);
            return found == kPieces.end() ? std::optional<Token>()
                                          : static_cast<Token>(found - kPieces.begin());
          }};
}

Shortlist read(std::string_view contents, const ShortlistLimits& limits = {}) {
  return read_shortlist(std::as_bytes(std::span(contents)), "list", vocabulary(), limits);
}

std::vector<Token> of(const Shortlist& shortlist, Token source) {
  const auto targets = shortlist.of(source);
  return {targets.begin(), targets.end()};
}

template <class T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// A file of Marian's for five source tokens: first 2, best 3.
std::string binary_file(const std::vector<uint64_t>& offsets,
                        const std::vector<uint32_t>& targets) {
  std::string body;
  for (const uint64_t word :
       {uint64_t{2}, uint64_t{3}, uint64_t{offsets.size()}, uint64_t{targets.size()}})
    append(body, word);
  for (const uint64_t offset : offsets) append(body, offset);
  for (const uint32_t target : targets) append(body, target);
  uint64_t checksum = 0;
  for (size_t i = 0; i + 8 <= body.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, body.data() + i, 8);
    checksum ^= word + 0x9e3779b9 + (checksum << 6) + (checksum >> 2);
  }
  std::string file;
  append(file, uint64_t{0xF11A48D5013417F5});
  append(file, checksum);
  return file + body;
}

const std::string kGood = binary_file({0, 0, 0, 2, 3, 5}, {2, 5, 4, 3, 5});

TEST(ShortlistFile, ReadsMariansBinaryForm) {
  const Shortlist shortlist = read(kGood);
  EXPECT_EQ(shortlist.first, 2);
  EXPECT_EQ(shortlist.n_targets, 6);
  EXPECT_EQ(of(shortlist, 0), (std::vector<Token>{}));
  EXPECT_EQ(of(shortlist, 2), (std::vector<Token>{2, 5}));
  EXPECT_EQ(of(shortlist, 3), (std::vector<Token>{4}));
  EXPECT_EQ(of(shortlist, 4), (std::vector<Token>{3, 5}));
  EXPECT_EQ(of(shortlist, 5), (std::vector<Token>{}));  // the file knows five source tokens
}

TEST(ShortlistFile, SaysWhatIsWrongWithABinaryFile) {
  const auto error = [](const std::string& file) { return error_of([&] { (void)read(file); }); };
  EXPECT_EQ(error(kGood.substr(0, 40)), "list: a shortlist of 40 bytes, its header alone has 48");
  EXPECT_EQ(error(kGood + "x"),
            "list: 117 bytes, which are not the 6 offsets and 5 targets that its header tells of");
  EXPECT_EQ(error(binary_file({0, 2, 1, 2}, {2, 3})), "list: offset 2 is 1, expected 2 to 2");
  EXPECT_EQ(error(binary_file({0, 3, 2}, {2, 3})), "list: offset 1 is 3, expected 0 to 2");
  EXPECT_EQ(error(binary_file({0, 1}, {2, 3})),
            "list: the last offset is 1, expected the number of targets, 2");
  EXPECT_EQ(error(binary_file({0, 2}, {2, 6})), "list: entry 1 is target token 6, the model has 6");
  EXPECT_EQ(error(binary_file(std::vector<uint64_t>(8, 0), {})),
            "list: a shortlist for 7 source tokens, the model has 6");
  std::string damaged = kGood;
  damaged[50] ^= 1;
  EXPECT_EQ(error(damaged), "list: the checksum does not match: the shortlist is damaged");
}

// The checksum covers whole words of eight bytes, so a change of the last four may go unseen, but
// it stays a shortlist.
TEST(ShortlistFile, NoDamageGoesUnseenOrCrashes) {
  int unseen = 0;
  for_each_damage(kGood, kGood.size() * 8, [&](const std::string& damaged) {
    try {
      const Shortlist shortlist = read(damaged);
      for (const Token target : shortlist.targets) EXPECT_LT(target, 6);
      EXPECT_EQ(shortlist.offsets.back(), shortlist.targets.size());
      EXPECT_EQ(damaged.substr(0, damaged.size() - 4), kGood.substr(0, kGood.size() - 4));
      ++unseen;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::bad_data);
    }
  });
  EXPECT_LE(unseen, 3);
}

TEST(ShortlistFile, ReadsTablesOfWordAlignment) {
  const std::string table =
      "\xEF\xBB\xBF"  // no part of the first word
      "a b 0.5\n"
      "c b 0.25\n"
      "d b 0.25\n"
      "c\tb\t0.75\r\n"  // the last of a pair counts
      "NULL b 0.9\n"
      "a NULL 0.9\n"
      "other b 0.9\n"  // not in the vocabulary
      "\n"
      "b c 0\n"
      "</s> c 1e-3";
  const Shortlist all = read(table, {.first = 3, .best = 100});
  EXPECT_EQ(all.first, 3);
  EXPECT_EQ(of(all, 3), (std::vector<Token>{4, 2, 5}));
  EXPECT_EQ(of(all, 4), (std::vector<Token>{0}));
  EXPECT_EQ(of(all, 2), (std::vector<Token>{}));
  EXPECT_EQ(of(read(table, {.first = 99, .best = 2}), 3), (std::vector<Token>{4, 2}));
  EXPECT_EQ(read(table, {.first = 99, .best = 2}).first, 6);
  EXPECT_EQ(of(read("c b 0.5\nd b 0.5\n", {.best = 1}), 3), (std::vector<Token>{5}));  // as Marian
}

TEST(ShortlistFile, SaysWhatIsWrongWithATable) {
  const auto error = [](const std::string& file) { return error_of([&] { (void)read(file); }); };
  const std::string wanted = ": expected a target word, a source word and a probability";
  EXPECT_EQ(error("a b 0.5\na b\n"), "list, line 2" + wanted);
  EXPECT_EQ(error("a b half\n"), "list, line 1" + wanted);
  EXPECT_EQ(error("a b 0.5 c\n"), "list, line 1" + wanted);
  EXPECT_EQ(error("a b nan\n"), "list, line 1" + wanted);
  EXPECT_EQ(error("a b 1.5\n"), "list, line 1" + wanted);
  EXPECT_EQ(error(""),
            "list: in none of its 0 lines are both words pieces of the model's vocabulary");
  EXPECT_EQ(error("x y 0.5\n"),
            "list: in none of its 1 lines are both words pieces of the model's vocabulary");
  EXPECT_EQ(error(std::string("a\0b", 3)),
            "list: neither a shortlist of Marian's nor text: byte 2 is NUL");
}

}  // namespace
}  // namespace transept::testing
