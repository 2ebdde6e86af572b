#include "base/utf8.h"

#include <gtest/gtest.h>

namespace transept {
namespace {

TEST(Utf8, EveryCodePointRoundTrips) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    append_utf8(text, c);
    const CodePoint got = decode_utf8(text, 0);
    ASSERT_TRUE(got.valid);
    ASSERT_EQ(got.value, c);
    ASSERT_EQ(static_cast<size_t>(got.size), text.size());
  }
}

TEST(Utf8, FindsWhatIsMalformed) {
  EXPECT_EQ(find_invalid_utf8("añb"), std::string::npos);
  EXPECT_EQ(find_invalid_utf8("ab\xff"), 2U);
  EXPECT_EQ(find_invalid_utf8("a\xc0\x80"), 1U);          // overlong
  EXPECT_EQ(find_invalid_utf8("a\xed\xa0\x80"), 1U);      // a surrogate
  EXPECT_EQ(find_invalid_utf8("a\xf4\x90\x80\x80"), 1U);  // above U+10FFFF
  EXPECT_EQ(find_invalid_utf8("a\xe2\x82"), 1U);          // cut short
}

// Unicode 15, table 3-8: maximal subparts.
TEST(Utf8, ReplacesMaximalSubparts) {
  EXPECT_EQ(replace_invalid_utf8("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64"),
            "a\uFFFD\uFFFD\uFFFDb\uFFFDc\uFFFD\uFFFDd");
  EXPECT_EQ(count_code_points("a\u00F1\U0001F98A"), 3U);
}

}  // namespace
}  // namespace transept
