// Ten times as many entries in a tokenizer's files take about ten times as long to read: what is
// looked up while reading is never searched for.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <ctime>
#include <filesystem>
#include <functional>
#include <limits>

#include "base/folder_testing.h"
#include "text/tokenizer.h"

namespace transept::testing {
namespace {

namespace fs = std::filesystem;

constexpr int kFew = 2000;
// Caches and pages are of one size, so ten times as much takes more than ten times as long, on a
// busy machine twice that. What is not linear takes a hundred times as long.
constexpr double kLinear = 30;

// A list of n entries, with commas between them.
std::string list(int n, const std::function<std::string(int)>& entry) {
  std::string all;
  for (int i = 0; i < n; ++i) all += (i > 0 ? ", " : "") + entry(i);
  return all;
}

// Seconds of processor time to load the folder, the best of several.
double cost(const fs::path& folder) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 5; ++i) {
    const std::clock_t begin = std::clock();
    (void)load_tokenizer(folder);
    best = std::min(best, static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
  }
  return best;
}

using Files = std::function<void(const TemporaryFolder& folder, int n)>;

void expect_linear(const Files& write) {
  const auto of = [&](int n) {
    const TemporaryFolder folder;
    write(folder, n);
    return cost(folder.path());
  };
  const double few = of(kFew);
  EXPECT_LE(of(10 * kFew), kLinear * few) << few;
}

std::string piece(int i) {
  return fmt::format("\"piece{}\"", i);
}

void write_tokenizer(const TemporaryFolder& folder, const std::string& model,
                     const std::string& added = "") {
  folder.write("tokenizer.json", fmt::format(R"({{"version": "1.0", "added_tokens": [{}], )"
                                             R"("model": {}}})",
                                             added, model));
}

std::string word_level(int n) {
  return fmt::format(R"({{"type": "WordLevel", "unk_token": "piece0", "vocab": {{{}}}}})",
                     list(n, [](int i) { return fmt::format("{}: {}", piece(i), i); }));
}

TEST(Cost, WordsOfTokenizerJson) {
  expect_linear(
      [](const TemporaryFolder& folder, int n) { write_tokenizer(folder, word_level(n)); });
}

TEST(Cost, PiecesOfTokenizerJson) {
  expect_linear([](const TemporaryFolder& folder, int n) {
    const auto entry = [](int i) { return fmt::format("[{}, -{}.5]", piece(i), i); };
    write_tokenizer(folder, fmt::format(R"({{"type": "Unigram", "unk_id": 0, "vocab": [{}]}})",
                                        list(n, entry)));
  });
}

// Every merge makes a piece of its own, "0", "00", "000", … would take text of n² bytes.
std::string pairs_vocabulary(int n) {
  std::string vocabulary = "\"a\": 0";
  for (int i = 0; i < n; ++i) {
    vocabulary += fmt::format(", \"{0}\": {1}, \"a{0}\": {2}", i, 1 + 2 * i, 2 + 2 * i);
  }
  return "{" + vocabulary + "}";
}

TEST(Cost, MergesOfTokenizerJson) {
  for (const char* form : {"[\"a\", \"{}\"]", "\"a {}\""}) {
    expect_linear([&](const TemporaryFolder& folder, int n) {
      const auto merge = [&](int i) { return fmt::format(fmt::runtime(form), i); };
      write_tokenizer(folder, fmt::format(R"({{"type": "BPE", "vocab": {}, "merges": [{}]}})",
                                          pairs_vocabulary(n), list(n, merge)));
    });
  }
}

TEST(Cost, AddedTokensOfTokenizerJson) {
  for (const bool normalized : {false, true}) {
    expect_linear([&](const TemporaryFolder& folder, int n) {
      const auto token = [&](int i) {
        return fmt::format(R"({{"id": {}, "content": "<{}>", "special": true, "normalized": {}}})",
                           i + 1, i, normalized);
      };
      write_tokenizer(folder, word_level(1), list(n, token));
    });
  }
}

TEST(Cost, VocabTxt) {
  expect_linear([](const TemporaryFolder& folder, int n) {
    std::string lines = "[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\n";
    for (int i = 0; i < n; ++i) lines += fmt::format("word{}\n", i);
    folder.write("vocab.txt", lines);
  });
}

TEST(Cost, VocabJsonAndMergesTxt) {
  expect_linear([](const TemporaryFolder& folder, int n) {
    std::string vocabulary = pairs_vocabulary(n);
    vocabulary.insert(1, fmt::format("\"<|endoftext|>\": {}, ", 2 * n + 1));
    folder.write("vocab.json", vocabulary);
    std::string lines = "#version: 0.2\n";
    for (int i = 0; i < n; ++i) lines += fmt::format("a {}\n", i);
    folder.write("merges.txt", lines);
  });
}

std::string length_delimited(int field, const std::string& bytes) {
  std::string out(1, static_cast<char>(field << 3 | 2));
  size_t size = bytes.size();
  for (; size >= 0x80; size >>= 7) out += static_cast<char>(size | 0x80);
  return out + static_cast<char>(size) + bytes;
}

// A SentencePiece model of n pieces, unigram (1) or BPE (2); every fourth one user-defined.
std::string sentencepiece(int n, char algorithm) {
  std::string model;
  const auto add = [&](const std::string& text, float score, char type) {
    std::string bytes = length_delimited(1, text) + '\x15';
    char raw[sizeof score];
    std::memcpy(raw, &score, sizeof score);
    bytes.append(raw, sizeof raw) += '\x18';
    model += length_delimited(1, bytes + type);
  };
  add("<unk>", 0, 2);
  add("<s>", 0, 3);
  add("</s>", 0, 3);
  for (int i = 0; i < n; ++i) {
    add(fmt::format("piece{}", i), -static_cast<float>(i), i % 4 == 0 ? '\x04' : '\x01');
  }
  return model + length_delimited(2, {'\x18', algorithm});
}

TEST(Cost, SentencePieceModels) {
  for (const char algorithm : {'\x01', '\x02'}) {
    expect_linear([&](const TemporaryFolder& folder, int n) {
      folder.write("spiece.model", sentencepiece(n, algorithm));
    });
  }
  for (const char* kind : {"T5Tokenizer", "NllbTokenizer", "MBartTokenizer", "MBart50Tokenizer"}) {
    expect_linear([&](const TemporaryFolder& folder, int n) {
      const bool bpe = kind[0] == 'N';
      folder.write("sentencepiece.bpe.model", sentencepiece(n, bpe ? '\x02' : '\x01'));
      folder.write("tokenizer_config.json", fmt::format(R"({{"tokenizer_class": "{}"}})", kind));
    });
  }
}

TEST(Cost, MarianAndM2m100) {
  expect_linear([](const TemporaryFolder& folder, int n) {
    folder.write("source.spm", sentencepiece(n, '\x01'));
    folder.write("target.spm", sentencepiece(n, '\x01'));
    folder.write("vocab.json",
                 fmt::format(R"({{"<unk>": 0, "</s>": 1, "<pad>": 2, {}}})", list(n, [](int i) {
                               return fmt::format("{}: {}", piece(i), i + 3);
                             })));
  });
}

// Tokens that a class adds to its vocabulary, as each file can list them.
TEST(Cost, AddedTokensOfTokenizerConfig) {
  const auto objects = [](int n) {
    return list(n, [](int i) {
      return fmt::format(R"("{}": {{"content": "<{}>", "special": true}})", 300 + i, i);
    });
  };
  const auto names = [](int n) {
    return list(n, [](int i) { return fmt::format("\"<{}>\"", i); });
  };
  for (const char* kind : {"ByT5Tokenizer", "T5Tokenizer", "BertTokenizer"}) {
    for (const std::string key : {"added_tokens_decoder", "extra_special_tokens", "extra_ids"}) {
      expect_linear([&](const TemporaryFolder& folder, int n) {
        const std::string value = key == "extra_ids"              ? std::to_string(n)
                                  : key == "added_tokens_decoder" ? "{" + objects(n) + "}"
                                                                  : "[" + names(n) + "]";
        folder.write("tokenizer_config.json",
                     fmt::format(R"({{"tokenizer_class": "{}", "{}": {}}})", kind, key, value));
        folder.write("special_tokens_map.json",
                     fmt::format(R"({{"additional_special_tokens": [{}]}})", names(n)));
        if (kind[0] == 'T') folder.write("spiece.model", sentencepiece(10, '\x01'));
        if (kind[0] == 'B' && kind[1] == 'e') {
          folder.write("vocab.txt", "[UNK]\n[CLS]\n[SEP]\n[PAD]\n[MASK]\n");
        }
      });
    }
  }
}

}  // namespace
}  // namespace transept::testing
