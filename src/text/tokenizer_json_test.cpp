#include "text/tokenizer_json.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "base/error.h"
#include "base/json.h"
#include "text/pipeline.h"
#include "text/tokenizer.h"

namespace transept {
namespace {

namespace fs = std::filesystem;

fs::path fixture(const std::string& name) {
  return fs::path(TRANSEPT_FIXTURES) / "tokenizers" / name;
}

std::vector<Token> ids_of(const Json& row) {
  std::vector<Token> ids;
  row.at("ids").each_element(
      [&](size_t, const Json& id) { ids.push_back(static_cast<Token>(id.as_int())); });
  return ids;
}

void expect_golden(const Tokenizer& tokenizer, const Json& row) {
  const std::string text(row.at("text").as_string());
  SCOPED_TRACE(text);
  const Encoding encoding = tokenizer.encode(text);
  EXPECT_EQ(encoding.ids, ids_of(row));
  ASSERT_EQ(encoding.offsets.size(), encoding.ids.size());
  const std::vector<Json> offsets = row.at("offsets").elements();
  const std::vector<Json> pieces = row.at("pieces").elements();
  ASSERT_EQ(encoding.ids.size(), pieces.size());
  for (size_t i = 0; i < pieces.size(); ++i) {
    const std::vector<Json> place = offsets[i].elements();
    EXPECT_EQ(encoding.offsets[i], (Offset{place[0].as_int(), place[1].as_int()})) << i;
    EXPECT_EQ(tokenizer.piece(encoding.ids[i]), pieces[i].as_string()) << i;
    EXPECT_EQ(tokenizer.find(pieces[i].as_string()), encoding.ids[i]) << i;
  }
  EXPECT_EQ(tokenizer.decode(encoding.ids, true), row.at("plain").as_string());
  EXPECT_EQ(tokenizer.decode(encoding.ids, false), row.at("full").as_string());
}

class Golden : public testing::TestWithParam<const char*> {};

TEST_P(Golden, EqualsTheReference) {
  const auto tokenizer = load_tokenizer(fixture(GetParam()));
  const JsonDocument golden = JsonDocument::load((fixture(GetParam()) / "golden.json").string());
  golden.root().each_element([&](size_t, const Json& row) { expect_golden(*tokenizer, row); });
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Golden,
                         testing::Values("wordpiece", "byte_level", "bpe_metaspace", "bpe_suffix",
                                         "unigram", "wordlevel", "vocab_txt", "gpt2_files",
                                         "roberta_files"));

TokenizerOptions language(const char* code) {
  TokenizerOptions options;
  options.source_language = code;
  return options;
}

TEST(TokenizerJson, SourceLanguageReplacesTheMark) {
  const auto own = load_tokenizer(fixture("unigram"));
  const auto other = load_tokenizer(fixture("unigram"), language("fra_Latn"));
  std::vector<Token> expected = own->encode("Le renard").ids;
  EXPECT_EQ(expected.front(), own->find("deu_Latn"));
  expected.front() = *own->find("fra_Latn");
  EXPECT_EQ(other->encode("Le renard").ids, expected);
  EXPECT_THROW(static_cast<void>(load_tokenizer(fixture("unigram"), language("xx"))), Error);
}

TEST(TokenizerJson, SpecialTokensCanBeLeftOut) {
  const auto tokenizer = load_tokenizer(fixture("wordpiece"));
  const Encoding with = tokenizer->encode("fox");
  const Encoding without = tokenizer->encode("fox", {.special_tokens = false});
  ASSERT_EQ(with.ids.size(), without.ids.size() + 2);
  EXPECT_TRUE(tokenizer->is_special(with.ids.front()));
  EXPECT_FALSE(tokenizer->is_special(without.ids.front()));
}

TEST(TokenizerJson, InvalidTextNamesTheByte) {
  const auto tokenizer = load_tokenizer(fixture("byte_level"));
  try {
    static_cast<void>(tokenizer->encode("ab\xC3("));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_data);
    EXPECT_NE(std::string(error.what()).find("offset 2"), std::string::npos) << error.what();
  }
}

TEST(TokenizerJson, IdsOutsideTheVocabularyAreErrors) {
  const auto tokenizer = load_tokenizer(fixture("wordlevel"));
  for (const Token id : {-1, tokenizer->size(), INT32_MAX}) {
    EXPECT_THROW(static_cast<void>(tokenizer->decode(std::vector<Token>{id})), Error) << id;
    EXPECT_THROW(static_cast<void>(tokenizer->piece(id)), Error) << id;
    EXPECT_FALSE(tokenizer->is_special(id)) << id;
  }
}

// A whole tokenizer.json around one part.
std::string with(const std::string& part, const std::string& value) {
  const auto pick = [&](const std::string& key, const std::string& otherwise) {
    return "\"" + key + "\":" + (key == part ? value : otherwise);
  };
  return "{\"version\":\"1.0\"," + pick("added_tokens", "[]") + "," + pick("normalizer", "null") +
         "," + pick("pre_tokenizer", "null") + "," + pick("post_processor", "null") + "," +
         pick("decoder", "null") + "," +
         pick("model", R"({"type":"WordLevel","vocab":{"a":0,"b":1},"unk_token":"a"})") + "}";
}

void expect_error(const std::string& json, ErrorCode code, const std::string& message) {
  try {
    static_cast<void>(read_tokenizer_json(json, "t.json"));
    FAIL() << json;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
  }
}

TEST(TokenizerJson, WhatIsNotSupportedIsNamed) {
  const ErrorCode code = ErrorCode::unsupported;
  expect_error(with("normalizer", R"({"type":"Odd"})"), code, "t.json: normalizer: normalizer \"O");
  expect_error(with("pre_tokenizer", R"({"type":"UnicodeScripts"})"), code, "\"UnicodeScripts\"");
  expect_error(with("decoder", R"({"type":"CTC"})"), code, "t.json: decoder: decoder \"CTC\"");
  expect_error(with("post_processor", R"({"type":"Odd"})"), code, "post-processor \"Odd\"");
  expect_error(with("model", R"({"type":"Odd"})"), code, "model \"Odd\"");
  expect_error(with("model", R"({"type":"BPE","dropout":0.1,"vocab":{},"merges":[]})"), code,
               "dropout");
  for (const char* pattern : {R"(\\bx)", "a++", "(?i)a", R"(\\p{Han})", "[[:alpha:]]", "x{,3}"}) {
    const std::string json =
        R"({"type":"Replace","pattern":{"Regex":")" + std::string(pattern) + R"("},"content":""})";
    expect_error(with("normalizer", json), code, "regular expression");
  }
}

TEST(TokenizerJson, WrongContentsAreNamed) {
  const ErrorCode code = ErrorCode::bad_data;
  expect_error("{", code, "t.json");
  expect_error("[]", code, "t.json");
  const auto level = [](const std::string& vocab) {
    return with("model", R"({"type":"WordLevel","unk_token":"a","vocab":)" + vocab + "}");
  };
  expect_error(level(R"({"a":0,"b":0})"), code, "id 0 occurs twice");
  EXPECT_EQ(read_tokenizer_json(level(R"({"a":0,"a":1})"), "t.json").model->find("a"), 1);
  expect_error(level(R"({"a":2000000000})"), code, "id 2000000000");
  expect_error(level(R"({"a":-1})"), code, "-1");
  expect_error(level(R"({"a":"x"})"), code, "expected an integer");
  const auto bpe = [](const std::string& merges) {
    return with("model", R"({"type":"BPE","vocab":{"a":0,"b":1},"merges":[)" + merges + "]}");
  };
  expect_error(bpe(R"("a c")"), code, "\"c\" is not in the vocabulary");
  expect_error(bpe(R"("a b")"), code, "the result is not in the vocabulary");
  expect_error(bpe(R"("ab")"), code, "expected two pieces");
  expect_error(bpe(R"(["a"])"), code, "expected two");
  expect_error(with("post_processor", R"({"type":"BertProcessing","sep":["a",7],"cls":["a",0]})"),
               code, "id 7");
  expect_error(with("normalizer", R"({"type":"Precompiled","precompiled_charsmap":"=x"})"), code,
               "base64");
}

TEST(Tokenizer, LongWordsTakeLinearTime) {
  std::string word;
  for (int i = 0; word.size() < 1'000'000; ++i) word += static_cast<char>('a' + i * 7 % 26);
  for (const char* name : {"wordpiece", "byte_level", "bpe_metaspace", "unigram", "wordlevel"}) {
    const auto tokenizer = load_tokenizer(fixture(name));
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(tokenizer->encode(word).ids.empty());
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    EXPECT_LT(seconds.count(), 20) << name;
  }
}

TEST(RealTokenizers, LoadAndRoundTrip) {
  const fs::path shared = fs::path(TRANSEPT_SHARED) / "fixtures/tokenizers";
  if (!fs::exists(shared)) GTEST_SKIP() << "no " << shared;
  const std::string text = "Studies have shown that owning a dog is good for you, isn't it?";
  for (const char* name : {"bart", "t5", "gpt2-bpe"}) {
    const auto tokenizer = load_tokenizer(shared / name);
    EXPECT_EQ(tokenizer->decode(tokenizer->encode(text).ids), text) << name;
  }
  const auto bert = load_tokenizer(shared / "bert");
  EXPECT_EQ(bert->encode("Hello, world!").ids,
            (std::vector<Token>{101, 7592, 1010, 2088, 999, 102}));
}

}  // namespace
}  // namespace transept
