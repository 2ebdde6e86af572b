#include "folder/languages.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <tuple>

#include "base/error.h"
#include "base/file.h"

namespace transept {
namespace {

const std::string kTokenizers = std::string(TRANSEPT_FIXTURES) + "/tokenizers/";

std::string refusal(const LanguageTable& table, const Languages& asked) {
  try {
    (void)table.direction(asked);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::usage);
    return error.what();
  }
  return "";
}

TEST(LanguageTable, FindsCodesAndNeverWords) {
  const auto nllb = load_tokenizer(kTokenizers + "spm/nllb");
  const LanguageTable table(nllb.get(), {});
  const Direction direction = table.direction({"ENG_latn", "fra_Latn"});
  EXPECT_EQ(direction.codes, (Languages{"eng_Latn", "fra_Latn"}));
  EXPECT_EQ(direction.forced_bos, nllb->find("fra_Latn"));
  EXPECT_EQ(table.direction({"en", "de"}).codes, (Languages{"eng_Latn", "deu_Latn"}));
  EXPECT_NE(refusal(table, {"", "the"}).find("such code"), std::string::npos);
  EXPECT_NE(refusal(table, {"ita_Latn", ""}).find("eng_Latn"), std::string::npos);
}

TEST(LanguageTable, KnowsEachFamilysCodes) {
  const auto m2m100 = load_tokenizer(kTokenizers + "spm/m2m100");
  EXPECT_EQ(m2m100->languages().size(), 100U);
  EXPECT_EQ(LanguageTable(m2m100.get(), {}).direction({"", "__es__"}).codes.target, "es");
  const auto mbart = load_tokenizer(kTokenizers + "spm/mbart50");
  const LanguageTable table(mbart.get(), {});
  EXPECT_EQ(table.direction({"de", "ja"}).codes, (Languages{"de_DE", "ja_XX"}));
  // Per text, as loading with them.
  const auto loaded = load_tokenizer(kTokenizers + "spm/mbart50",
                                     {.source_language = "de_DE", .target_language = {}});
  EXPECT_EQ(mbart->encode("the house", {.source_language = "de_DE"}).ids,
            loaded->encode("the house").ids);
}

// As transformers saves NLLB, mBART and (for other programs) M2M100: a tokenizer.json whose
// template has the language that it was saved with.
TEST(LanguageTable, FindsCodesInATokenizerJson) {
  const auto load = [](const std::string& kind, const std::string& mark, bool mark_last) {
    const std::string folder =
        ::testing::TempDir() + "languages-" + kind + std::to_string(::getpid());
    std::filesystem::create_directories(folder);
    const std::string other = mark == "__en__" ? "__fr__" : mark == "en_XX" ? "fr_XX" : "fra_Latn";
    const auto piece = [](const std::string& id) {
      return R"({"SpecialToken": {"id": ")" + id + R"(", "type_id": 0}})";
    };
    const std::string text = R"({"Sequence": {"id": "A", "type_id": 0}})";
    const std::string single = mark_last ? text + "," + piece("</s>") + "," + piece(mark)
                                         : piece(mark) + "," + text + "," + piece("</s>");
    const auto added = [](int id, const std::string& content) {
      return R"({"id": )" + std::to_string(id) + R"(, "content": ")" + content +
             R"(", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
             "special": true})";
    };
    write_file_atomic(
        folder + "/tokenizer.json",
        R"({"version": "1.0", "added_tokens": [)" + added(0, "<unk>") + "," + added(1, "</s>") +
            "," + added(5, mark) + "," + added(6, other) +
            R"(], "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "decoder": null,
            "post_processor": {"type": "TemplateProcessing", "single": [)" +
            single + R"(], "pair": [], "special_tokens": {"</s>": {"id": "</s>", "ids": [1],
            "tokens": ["</s>"]}, ")" +
            mark + R"(": {"id": ")" + mark + R"(", "ids": [5], "tokens": [")" + mark +
            R"("]}}}, "model": {"type": "WordLevel", "unk_token": "<unk>", "vocab": {"<unk>": 0,
            "</s>": 1, "the": 2, "fr": 3, "fra": 4}}})");
    write_file_atomic(folder + "/tokenizer_config.json", R"({"tokenizer_class": ")" + kind + "\"}");
    return load_tokenizer(folder);
  };
  using Ids = std::vector<Token>;
  for (const auto& [kind, mark, last] : {std::tuple{"NllbTokenizer", "eng_Latn", false},
                                         {"MBartTokenizer", "en_XX", true},
                                         {"M2M100Tokenizer", "__en__", false}}) {
    const auto tokenizer = load(kind, mark, last);
    const LanguageTable table(tokenizer.get(), {});
    EXPECT_EQ(tokenizer->languages().size(), 2U) << kind;
    const Direction direction = table.direction({"fr", "en"});
    EXPECT_EQ(direction.forced_bos, 5) << kind;
    const auto ids = [&](const EncodeOptions& options) {
      return tokenizer->encode("the", options).ids;
    };
    const Direction back = table.direction({"en", "fr"});
    EXPECT_EQ(ids({}), last ? (Ids{2, 1, 5}) : (Ids{5, 2, 1})) << kind;
    EXPECT_EQ(ids({.source_language = direction.codes.source}),
              last ? (Ids{2, 1, 6}) : (Ids{6, 2, 1}))
        << kind;
    EXPECT_EQ(ids({.target_side = true, .target_language = back.codes.target}),
              last ? (Ids{2, 1, 6}) : (Ids{6, 2, 1}))
        << kind;
    EXPECT_EQ(ids({.special_tokens = false, .source_language = direction.codes.source}), Ids{2});
    EXPECT_NE(refusal(table, {"", "the"}), "") << kind;
  }
}

TEST(LanguageTable, TellsMarianItsTargetInTheInput) {
  const auto marian = load_tokenizer(kTokenizers + "spm/marian");
  const LanguageTable table(marian.get(), {});
  const Direction direction = table.direction({"", "de"});
  EXPECT_TRUE(direction.is_in_input());
  EXPECT_FALSE(direction.forced_bos);
  EXPECT_EQ(marian->encode("the house", {.target_language = "de"}).ids,
            marian->encode(">>de<< the house").ids);
  EXPECT_NE(refusal(table, {"", "it"}).find(">>"), std::string::npos);
  EXPECT_NE(refusal(table, {"en", "de"}).find("source"), std::string::npos);
}

TEST(LanguageTable, RefusesAllWhereTheModelKnowsNone) {
  for (const char* folder : {"byte_level", "spm/t5", "spm/byt5", "spm/pegasus", "roberta_files"}) {
    const auto tokenizer = load_tokenizer(kTokenizers + folder);
    EXPECT_TRUE(tokenizer->languages().empty()) << folder;
    for (const Languages& asked : {Languages{"en", ""}, {"", "de"}, {"en", "de"}})
      EXPECT_NE(refusal(LanguageTable(tokenizer.get(), {}), asked).find("prompt"),
                std::string::npos);
  }
  EXPECT_NE(refusal(LanguageTable(), {"", "de"}), "");
  EXPECT_EQ(refusal(LanguageTable(), {}), "");
}

TEST(LanguageTable, ChoosesPairsOfTheFolder) {
  LanguageTable table(nullptr, {{"en", "de", "", "Translate to German"}, {"en", "fr", "to fr: "}});
  table.add({"EN", "DE", "", ""});  // named again: nothing is hidden
  table.add({"de", "en", "to en: ", ""});
  EXPECT_EQ(table.pairs().size(), 3U);
  EXPECT_EQ(table.direction({"", "de"}).prompt, "Translate to German");
  EXPECT_FALSE(table.direction({"en", "de"}).is_in_input());
  EXPECT_EQ(table.direction({"en-GB", "fr-CA"}).prefix, "to fr: ");
  EXPECT_TRUE(table.direction({"", "fr"}).is_in_input());
  EXPECT_NE(refusal(table, {"fr", "de"}).find("en to de"), std::string::npos);
  EXPECT_NE(refusal(table, {"en", ""}).find("target"), std::string::npos);
  EXPECT_EQ(table.only_source("fr"), "en");
}

}  // namespace
}  // namespace transept
