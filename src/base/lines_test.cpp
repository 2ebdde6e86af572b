#include "base/lines.h"

#include <gtest/gtest.h>

#include <vector>

namespace transept {
namespace {

std::vector<std::string> lines_of(std::string_view file, bool keep_returns = false) {
  std::vector<std::string> lines;
  each_line(file, keep_returns, [&](std::string_view line, size_t number) {
    EXPECT_EQ(number, lines.size() + 1);
    lines.emplace_back(line);
  });
  return lines;
}

using Texts = std::vector<std::string>;

TEST(Lines, EndWithLineFeedsAndWithoutTheReturnBefore) {
  EXPECT_EQ(lines_of("a\r\n\r\nb"), (Texts{"a", "", "b"}));
  EXPECT_EQ(lines_of("a\r\n\r\nb", true), (Texts{"a\r", "\r", "b"}));
  EXPECT_EQ(lines_of("a\rb\r\r\n"), (Texts{"a\rb\r"}));
  EXPECT_EQ(lines_of("a\r"), (Texts{"a\r"}));  // no line feed follows
  EXPECT_EQ(lines_of(""), Texts{});
}

TEST(Lines, LoseAMarkAtTheBeginningOfAFileOnly) {
  EXPECT_EQ(lines_of("\xEF\xBB\xBF"
                     "a\n\xEF\xBB\xBF"
                     "b\n"),
            (Texts{"a",
                   "\xEF\xBB\xBF"
                   "b"}));
  EXPECT_EQ(lines_of("\xEF\xBB\xBF\xEF\xBB\xBF\n"), (Texts{"\xEF\xBB\xBF"}));
  EXPECT_EQ(plain_text("\xEF\xBB\xBF"
                       "a\r\nb\rc\r"),
            "a\nb\rc\r");
}

TEST(Lines, AreBlankWithNothingButWhiteSpace) {
  for (const char* text : {"", " ", "\t", "\r", "\xC2\xA0", "\xE3\x80\x80 \xE2\x80\x83"})
    EXPECT_TRUE(is_blank(text)) << text;
  for (const char* text : {"a", " . ", "\xEF\xBB\xBF", "\xE2\x80\x8B", "\xFF", "\xC2"})
    EXPECT_FALSE(is_blank(text)) << text;
}

}  // namespace
}  // namespace transept
