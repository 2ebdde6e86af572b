// Real tokenizer files, which are not part of the repository: ids, character offsets and decoded
// texts of more than 20,000 lines each equal the reference's, block by block, by digests that
// tools/fixtures/tokenizer_digests.py made. Which line of a block differs:
// tools/compare_tokenizers.py and tools/compare_spm.py.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cctype>
#include <cstdlib>
#include <utility>

#include "base/folder_testing.h"
#include "base/json.h"
#include "support/tokenizer_corpus.h"
#include "text/tokenizer.h"

namespace transept::testing {
namespace {

namespace fs = std::filesystem;

const TokenizerCorpus& corpus() {
  static const TokenizerCorpus all(fs::path(TRANSEPT_SHARED) / "data");
  return all;
}

// The bytes as one number, the first one highest, modulo the largest prime below 2^55.
class Digest {
 public:
  void add(std::string_view bytes) {
    constexpr uint64_t kPrime = (uint64_t{1} << 55) - 55;
    for (const char c : bytes) value_ = (value_ * 256 + static_cast<unsigned char>(c)) % kPrime;
  }
  [[nodiscard]] int64_t take() { return static_cast<int64_t>(std::exchange(value_, 0)); }

 private:
  uint64_t value_ = 0;
};

std::string described(const Tokenizer& tokenizer, const std::string& line, bool is_target,
                      const std::vector<std::string>& fields) {
  const Encoding encoding = tokenizer.encode(line, {.target_side = is_target});
  std::string out;
  for (const std::string& field : fields) {
    if (field == "ids") out += fmt::format("{}", fmt::join(encoding.ids, " "));
    if (field == "offsets")
      for (const Offset& offset : encoding.offsets)
        out += fmt::format("{} {} ", offset.begin, offset.end);
    if (field == "plain") out += tokenizer.decode(encoding.ids, true);
    if (field == "full") out += tokenizer.decode(encoding.ids, false);
    out += '\n';
  }
  return out;
}

// What comes without a file that says which tokenizer it is.
std::unique_ptr<Tokenizer> load_as_pegasus(const fs::path& folder) {
  const TemporaryFolder named;
  fs::copy(folder, named.path());
  named.write("tokenizer_config.json", R"({"tokenizer_class": "PegasusTokenizer"})");
  return load_tokenizer(named.path());
}

class RealTokenizers : public ::testing::TestWithParam<const char*> {};

TEST_P(RealTokenizers, EqualTheReferenceOnTwentyThousandLines) {
  const std::string name = GetParam();
  const bool is_target = name.ends_with(" target");
  const fs::path folder =
      fs::path(TRANSEPT_SHARED) / "fixtures/tokenizers" / name.substr(0, name.find(' '));
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is not here";
  const JsonDocument golden =
      JsonDocument::load(std::string(TRANSEPT_FIXTURES) + "/tokenizers/real.json");
  const std::vector<std::string>& lines = corpus().lines();
  if (corpus().n_real() == 0) GTEST_SKIP() << "the data folder is not here";
  ASSERT_GE(lines.size(), 20'000U);
  ASSERT_EQ(golden.root().at("lines").as_int(), static_cast<int64_t>(lines.size()));
  const auto block = static_cast<size_t>(golden.root().at("block").as_int());
  const Json expected = golden.root().at("tokenizers").at(name);
  std::vector<std::string> fields;
  for (const Json& field : expected.at("fields").elements()) fields.emplace_back(field.as_string());
  const std::vector<Json> digests = expected.at("digests").elements();
  const auto tokenizer = name == "pegasus" ? load_as_pegasus(folder) : load_tokenizer(folder);
  Digest digest;
  size_t n_blocks = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    digest.add(described(*tokenizer, lines[i], is_target, fields));
    if ((i + 1) % block != 0 && i + 1 < lines.size()) continue;
    ASSERT_LT(n_blocks, digests.size());
    EXPECT_EQ(digest.take(), digests[n_blocks].as_int())
        << "lines " << n_blocks * block << " to " << i;
    ++n_blocks;
  }
  EXPECT_EQ(n_blocks, digests.size());
}

INSTANTIATE_TEST_SUITE_P(Shared, RealTokenizers,
                         ::testing::Values("bart", "bert", "t5", "gpt2-bpe", "marian-en-fr",
                                           "marian-en-fr target", "pegasus",
                                           "sentencepiece/seqio-sentencepiece.model",
                                           "sentencepiece/test_ja_model.model",
                                           "sentencepiece/test_model.model"),
                         [](const auto& test) {
                           std::string name = test.param;
                           for (char& c : name)
                             if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                           return name;
                         });

}  // namespace
}  // namespace transept::testing
