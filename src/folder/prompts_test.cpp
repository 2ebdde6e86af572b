#include "folder/prompts.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace transept {
namespace {

const Prompts kPrompts({{"summarization", "", "Summarise this story for me", {"Summarise"}},
                        {"translation_en_to_de", "", "Translate to German", {"Auf Deutsch bitte"}},
                        {"translation_en_to_fr", "prefix: ", "", {}},
                        {"french", "", "En français s'il vous plaît", {}}});

TEST(Prompts, AreKnownByAnyWordingWhateverItsCase) {
  EXPECT_EQ(kPrompts.spelled("translate TO german"), "Translate to German");
  EXPECT_EQ(kPrompts.spelled("auf deutsch bitte"), "Auf Deutsch bitte");
  EXPECT_EQ(kPrompts.spelled("EN FRANÇAIS S'IL VOUS PLAÎT"), "En français s'il vous plaît");
  EXPECT_EQ(kPrompts.spelled("summarise"), "Summarise");
  EXPECT_EQ(kPrompts.spelled("Translate to German \n"), "Translate to German");
}

TEST(Prompts, MayBeBegunOrHaveTheBeginningOfTheAnswerBehindThem) {
  EXPECT_EQ(kPrompts.spelled("summarise this story"), "Summarise this story");
  EXPECT_EQ(kPrompts.spelled("TRANSLATE to german: Ich BIN"), "Translate to German: Ich BIN");
  EXPECT_EQ(kPrompts.spelled("Summarise: x"), "Summarise: x");
}

TEST(Prompts, OfOthersNoneIsTaken) {
  for (const char* text : {"Translate to Spanish", "Translate to Germanic", "x", " Summarise",
                           "Please translate to German"}) {
    try {
      (void)kPrompts.spelled(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::usage);
      const std::string message = error.what();
      for (const std::string& known : kPrompts.all())
        EXPECT_NE(message.find("\"" + known + "\""), std::string::npos) << message;
    }
  }
}

TEST(Prompts, WithoutAListAreWhateverTheyAre) {
  EXPECT_EQ(Prompts().spelled("anything"), "anything");
  EXPECT_EQ(Prompts().usual(), "");
  EXPECT_EQ(kPrompts.usual(), "Summarise this story for me");
}

}  // namespace
}  // namespace transept
