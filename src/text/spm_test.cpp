#include "text/spm.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "text/spm_family.h"

namespace transept {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(TRANSEPT_FIXTURES) / "tokenizers" / "spm";

std::vector<Token> read_ids(const Json& json) {
  std::vector<Token> ids;
  json.each_element(
      [&](size_t, const Json& id) { ids.push_back(static_cast<Token>(id.as_int())); });
  return ids;
}

std::vector<Offset> read_offsets(const Json& json) {
  std::vector<Offset> offsets;
  const std::vector<Json> numbers = json.elements();
  for (size_t i = 0; i + 1 < numbers.size(); i += 2) {
    offsets.push_back({numbers[i].as_int(), numbers[i + 1].as_int()});
  }
  return offsets;
}

// One golden file: runs of options, each with lines that say what the reference made of them.
void expect_golden(const fs::path& tokenizer_path, const fs::path& golden_path) {
  const JsonDocument document = JsonDocument::load(golden_path.string());
  document.root().at("runs").each_element([&](size_t, const Json& run) {
    const Json given = run.at("options");
    TokenizerOptions options;
    options.normalize_punctuation = given.get("normalize_punctuation", false);
    options.source_language = given.get("source_language", "");
    options.target_language = given.get("target_language", "");
    const auto tokenizer = load_spm_family(tokenizer_path, options);
    ASSERT_NE(tokenizer, nullptr) << tokenizer_path;
    const EncodeOptions encode = {.special_tokens = !given.get("no_special", false),
                                  .target_side = given.get("target", false)};
    const bool skip_special = !given.get("keep_special", false);
    run.at("lines").each_element([&](size_t, const Json& line) {
      const std::string_view text = line.at("in").as_string();
      const Encoding encoding = tokenizer->encode(text, encode);
      EXPECT_EQ(encoding.ids, read_ids(line.at("ids"))) << golden_path << ": " << text;
      ASSERT_EQ(encoding.offsets.size(), encoding.ids.size());
      if (const auto offsets = line.find("offsets")) {
        EXPECT_EQ(encoding.offsets, read_offsets(*offsets)) << golden_path << ": " << text;
      }
      if (const auto decoded = line.find("text")) {
        EXPECT_EQ(tokenizer->decode(encoding.ids, skip_special), decoded->as_string())
            << golden_path << ": " << text;
      }
    });
  });
}

std::vector<fs::path> plain_models() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".model") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

TEST(Spm, PlainModelsEqualTheReference) {
  ASSERT_FALSE(plain_models().empty());
  for (const fs::path& path : plain_models()) {
    expect_golden(path, fs::path(path).replace_extension(".json"));
  }
}

TEST(Spm, FamiliesEqualTheReference) {
  int n_families = 0;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (!entry.is_directory()) continue;
    SCOPED_TRACE(entry.path().string());
    expect_golden(entry.path(), entry.path() / "golden.json");
    ++n_families;
  }
  EXPECT_EQ(n_families, 11);
}

TEST(Spm, RealModelsKeepTheirText) {
  const fs::path folder = fs::path(TRANSEPT_SHARED) / "fixtures" / "tokenizers";
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is not there";
  const Spm spm = Spm::load(folder / "pegasus" / "spiece.model");
  Spm::Encoded encoded;
  spm.encode("The quick brown fox jumped over the lazy dog.", encoded);
  std::vector<Token> ids;
  for (const Spm::Item& item : encoded.items) ids.push_back(item.id);
  EXPECT_EQ(spm.decode(ids), "The quick brown fox jumped over the lazy dog.");
}

TEST(Spm, AMegabyteWithoutASpaceIsLinear) {
  for (const char* name : {"unigram_bytes.model", "bpe_bytes.model"}) {
    const SpmTokenizer tokenizer(Spm::load(kFolder / name), name);
    std::string text;
    while (text.size() < (1u << 20)) text += "thehotwords\xc3\xa9";
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text, {}).ids, true), text);
  }
}

TEST(Spm, BadInputIsAnError) {
  const SpmTokenizer tokenizer(Spm::load(kFolder / "unigram.model"), "unigram.model");
  try {
    (void)tokenizer.encode("ab\xff", {});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::bad_data);
    EXPECT_NE(std::string(error.what()).find("byte 2"), std::string::npos) << error.what();
  }
  const std::vector<Token> outside = {tokenizer.size()};
  EXPECT_THROW((void)tokenizer.decode(outside, true), Error);
  const std::vector<Token> negative = {-1};
  EXPECT_THROW((void)tokenizer.decode(negative, true), Error);
}

}  // namespace
}  // namespace transept
