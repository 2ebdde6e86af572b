#include "text/slow_tokens.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "text/byt5.h"
#include "text/language_codes.h"
#include "text/moses_punctuation.h"
#include "text/spm_family.h"

namespace transept {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(TRANSEPT_FIXTURES) / "tokenizers" / "spm";

std::vector<std::string> cut(const SlowTokens& tokens, std::string_view text) {
  std::vector<std::string> out;
  for (const auto& part : tokens.split(text)) {
    const std::string piece(text.substr(part.begin, part.end - part.begin));
    out.push_back(part.token ? "[" + piece + "]" : piece);
  }
  return out;
}

SlowTokens make(const std::vector<std::string>& special, bool strips = false) {
  std::map<Token, AddedToken> given;
  for (size_t i = 0; i < special.size(); ++i) {
    AddedToken& token = given[static_cast<Token>(i)];
    token.content = special[i];
    token.lstrip = token.rstrip = strips;
  }
  return SlowTokens(
      given, {}, [](std::string_view) { return std::nullopt; }, 100);
}

using Strings = std::vector<std::string>;

// The expected cuts are those of transformers 5.24's Trie.split.
TEST(SlowTokens, TheLongestTokenCounts) {
  const SlowTokens tokens = make({"extra_id_1", "extra_id_100", "[CLS]", "L"});
  EXPECT_EQ(cut(tokens, "[CLS] This is a extra_id_100"),
            (Strings{"[[CLS]]", " This is a ", "[extra_id_100]"}));
  EXPECT_EQ(cut(tokens, "extra_id_12"), (Strings{"[extra_id_1]", "2"}));
  EXPECT_EQ(cut(tokens, ""), Strings{});
  EXPECT_EQ(cut(tokens, "none"), (Strings{"none"}));
}

TEST(SlowTokens, APartialMatchIsLeftForALaterOne) {
  EXPECT_EQ(cut(make({"blowing", "lower"}), "blower"), (Strings{"b", "[lower]"}));
  EXPECT_EQ(cut(make({"ab", "abc", "c"}), "abcc"), (Strings{"[abc]", "[c]"}));
}

TEST(SlowTokens, StrippingTakesTheSpaceAround) {
  EXPECT_EQ(cut(make({"</s>"}, true), "a \u3000 </s>\t\n b </s>"),
            (Strings{"a", "[</s>]", "b", "[</s>]"}));
}

TEST(SlowTokens, UnknownOnesFollowTheVocabulary) {
  const auto find = [](std::string_view text) -> std::optional<Token> {
    return text == "<s>" ? std::optional(7) : std::nullopt;
  };
  const SlowTokens tokens({}, {"<s>", "<x>", "<s>", "<y>"}, find, 100);
  EXPECT_EQ(tokens.find("<s>"), 7);
  EXPECT_EQ(tokens.find("<x>"), 100);
  EXPECT_EQ(tokens.find("<y>"), 101);
  EXPECT_TRUE(tokens.is_special(7));
  EXPECT_FALSE(tokens.is_special(8));
}

std::string normalized(std::string_view language, std::string_view text) {
  SpmNormalizer::Result out;
  MosesPunctuation(language).run(text, out);
  EXPECT_EQ(out.origin.size(), out.text.size() + 1);
  return out.text;
}

// The expected texts are those of sacremoses 0.2.0.
TEST(MosesPunctuation, FollowsTheLanguage) {
  EXPECT_EQ(normalized("en", "  \u201cHello\u201d ,  he said ( twice ) \u2014 1\u00a0000 % \u2026"),
            "\"Hello\" , he said (twice) - 1.000% ...");
  EXPECT_EQ(
      normalized("fr", "\u00ab\u00a0Oui\u00a0\u00bb, 3\u00a05 \u00e0 l\u2019\u00e9t\u00e9\u00a0!"),
      "\"Oui\", 3,5 \u00e0 l'\u00e9t\u00e9!");
  EXPECT_EQ(normalized("en", "\"a\",. \"b\"."), "\"a,.\" \"b.\"");
  EXPECT_EQ(normalized("de", "er sagte.\" Dann"), "er sagte\". Dann");
  EXPECT_EQ(normalized("en", ""), "");
}

TEST(ByT5, InvalidUtf8IsAnErrorThatNamesTheByte) {
  const auto tokenizer = load_spm_family(kFolder / "byt5");
  ASSERT_NE(tokenizer, nullptr);
  try {
    (void)tokenizer->encode("abc\xc3(");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_data);
    EXPECT_NE(std::string(error.what()).find("byte 3"), std::string::npos) << error.what();
  }
  const std::vector<Token> cut_character = {3 + 'a', 3 + 0xe6, 3 + 'b'};
  EXPECT_EQ(tokenizer->decode(cut_character), "ab");
  EXPECT_EQ(tokenizer->find("<extra_id_0>"), 259);
  EXPECT_EQ(tokenizer->size(), 384);
}

TEST(SpmFamily, ALanguageThatTheModelLacksIsAnError) {
  for (const char* name : {"mbart", "mbart50", "nllb", "m2m100"}) {
    const TokenizerOptions options = {.source_language = "tlh", .target_language = ""};
    try {
      (void)load_spm_family(kFolder / name, options);
      FAIL() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::usage);
      EXPECT_NE(std::string(error.what()).find("tlh"), std::string::npos) << error.what();
    }
  }
}

TEST(SpmFamily, NothingOfTheKindIsNull) {
  EXPECT_EQ(load_spm_family(kFolder / "missing"), nullptr);
  EXPECT_EQ(load_spm_family(fs::path(TRANSEPT_FIXTURES)), nullptr);
}

TEST(SpmFamily, ListsOfLanguages) {
  EXPECT_EQ(m2m100_languages().size(), 100u);
  EXPECT_EQ(mbart_languages().size(), 25u);
  EXPECT_EQ(mbart50_languages().size(), 52u);
  EXPECT_EQ(nllb_languages().size(), 202u);
}

}  // namespace
}  // namespace transept
