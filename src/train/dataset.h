// Dataset: pairs of texts as token ids, read whole. Every bad line is an Error with file and line.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "generate/options.h"
#include "model/config.h"
#include "text/tokenizer.h"
#include "train/config.h"

namespace transept {

// One line of the data.
struct TextPair {
  std::string prompt;  // empty where the line has two columns
  std::string input;
  std::string output;
  std::string where;  // "train.tsv:17"
};

// One example of teacher forcing: the decoder reads `target` but its last token and is asked for
// `target` but its first.
struct Example {
  std::vector<Token> source;  // empty for a decoder on its own
  std::vector<Token> target;  // start token, prompt, output, end mark; for a decoder on its own
                              // input, prompt, output, end mark
  int prompt = 0;             // tokens before the output, without the first

  [[nodiscard]] int rows() const { return static_cast<int>(target.size()) - 1; }  // of the decoder
};

struct Dataset {
  std::vector<Example> examples;
  std::vector<size_t> lines;  // of examples[i]: index into `texts`, if those were kept
  std::vector<TextPair> texts;
  int64_t too_long = 0;  // pairs left out
  int64_t target_tokens = 0;
  std::string hash;  // of the texts: tells whether the data is still the same

  [[nodiscard]] std::string summary(const std::string& name) const;  // for people
};

// How texts become ids, for one model.
struct Encoder {
  const Tokenizer& tokenizer;
  const Config& config;
  const GenerateOptions& options;

  // The input with the tokenizer's marks; the output with those of the target side and an end mark.
  // Error bad_data, naming the line.
  [[nodiscard]] Example operator()(const TextPair& pair) const;
};

// prompt<TAB>input<TAB>output or input<TAB>output, one pair a line. Error not_found, io, bad_data.
[[nodiscard]] std::vector<TextPair> read_pairs(const Paths& files);
// Two files (or two lists of them) line by line.
[[nodiscard]] std::vector<TextPair> read_parallel(const Paths& source, const Paths& target);

// Pairs longer than the limits of `data`, or than the model's positions, are left out and counted.
// Error bad_data if none is left.
[[nodiscard]] Dataset make_dataset(std::vector<TextPair> pairs, const Encoder& encoder,
                                   const TrainConfig::Data& data, bool keep_texts,
                                   ThreadPool& pool);

}  // namespace transept
