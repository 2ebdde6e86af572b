#include "folder/long_text.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace transept {
namespace {

std::vector<std::string> parts_of(std::string_view text, size_t most, int* probes = nullptr) {
  return split_text(text, [=](std::string_view part) {
    if (probes != nullptr) ++*probes;
    return part.size() <= most;
  });
}

using Texts = std::vector<std::string>;

TEST(LongText, IsCutBehindSentencesThenWordsThenCharacters) {
  EXPECT_EQ(parts_of("One two. Three four! \"Five.\" Six", 22),
            (Texts{"One two. Three four!", "\"Five.\" Six"}));
  EXPECT_EQ(parts_of("one two three four", 9), (Texts{"one two", "three", "four"}));
  EXPECT_EQ(parts_of("abcdefghij", 4), (Texts{"abcd", "efgh", "ij"}));
  EXPECT_EQ(parts_of("äöü", 3), (Texts{"ä", "ö", "ü"}));
  EXPECT_EQ(parts_of("一。二。三", 9), (Texts{"一。", "二。三"}));
  EXPECT_EQ(parts_of("fits", 10), (Texts{"fits"}));
  EXPECT_EQ(parts_of("  ", 1), Texts{});
  EXPECT_EQ(parts_of("3.14 is 2.71", 5), (Texts{"3.14", "is", "2.71"}));
}

TEST(LongText, LosesNothingButWhiteSpaceAndTakesTimeByItsLength) {
  std::string text;
  for (int i = 0; text.size() < 200'000; ++i)
    text += std::string(static_cast<size_t>(i % 13), 'x') + (i % 7 == 0 ? ". " : " ");
  int probes = 0;
  std::string joined;
  for (const std::string& part : parts_of(text, 500, &probes)) {
    EXPECT_LE(part.size(), 500U);
    joined += part;
  }
  const auto without_spaces = [](std::string t) {
    std::erase(t, ' ');
    return t;
  };
  EXPECT_EQ(without_spaces(joined), without_spaces(text));
  EXPECT_LT(probes, 20 * 500);  // of at most twice what fits each
}

}  // namespace
}  // namespace transept
