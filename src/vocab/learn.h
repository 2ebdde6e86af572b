// Learning a vocabulary from text: a tokenizer folder that transept and Hugging Face's
// AutoTokenizer read alike.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace transept {

struct VocabularyOptions {
  // "unigram" (Kudo 2018), "bpe" (Sennrich et al. 2016), both by the SentencePiece library; "char":
  // each character is a token; "word": what spaces, or `pattern`, separate.
  std::string type = "unigram";
  // Which ids the marks have and which files are written: "t5": <pad> 0, </s> 1, <unk> 2; "bart":
  // <s> 0, <pad> 1, </s> 2, <unk> 3, with <s> … </s> around the input; "marian": </s> 0, <unk> 1,
  // <pad> last, in source.spm, target.spm and vocab.json (unigram and bpe only). The others are
  // one tokenizer.json.
  std::string family = "t5";
  int size = 8000;           // tokens in all; char and word: at most so many, the most frequent
  int min_count = 1;         // char and word: rarer ones are left out
  std::string pattern = {};  // word: a regular expression for a word; empty: what spaces separate
  std::vector<std::string> symbols = {};  // never cut, whatever stands around them
  bool byte_fallback = false;             // unigram, bpe: unknown characters as bytes, not <unk>
  double coverage = 0.9995;               // unigram, bpe: of the text's characters
  std::string normalization =
      "nmt_nfkc";  // unigram, bpe: nmt_nfkc, nfkc, their _cf forms, identity
};

struct VocabularyReport {
  int size = 0;                    // ids are below this
  int64_t lines = 0;               // read; a tab ends a line, too
  int64_t unknown = 0;             // char and word: tokens of the text that the vocabulary lacks
  int64_t tokens = 0;              // of the text, where known (char and word)
  std::vector<std::string> files;  // written
};

// Puts the next text into the string; false at the end.
using NextLine = std::function<bool(std::string&)>;

// Equal lines and options give equal files. Error usage for options that contradict each other or
// do not fit the text, bad_data for text that is not UTF-8, io.
VocabularyReport learn_vocabulary(const NextLine& next, const VocabularyOptions& options,
                                  const std::filesystem::path& folder);

}  // namespace transept
