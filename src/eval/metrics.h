// All metrics by name, with one kind of result: what the command and the trainer call.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "eval/test_set.h"

namespace transept {

struct MetricOptions {
  bool lowercase = false;              // BLEU, chrF (TER and ROUGE always are)
  std::string bleu_tokenizer = "13a";  // bleu_tokenizer.h
  std::string bleu_smoothing = "exp";  // bleu.h
  bool stemmer = false;                // ROUGE
};

struct Figure {
  std::string metric = {};     // as asked for: "bleu"
  std::string name = {};       // as printed: "BLEU"
  double score = 0;            // on the reference implementation's scale
  std::string signature = {};  // "nrefs:1|case:mixed|…"
  std::string detail = {};     // what its parts are; may be empty
  bool higher_is_better = true;
  int digits = 2;  // printed after the point

  // "BLEU|nrefs:1|…|version:… = 30.12 60.1/… (BP = …)", as sacrebleu prints it.
  [[nodiscard]] std::string text() const;
};

// bleu, chrf, chrf++, ter (0 … 100, sacrebleu); rouge1, rouge2, rougeL, rougeLsum (F-measure,
// 0 … 1, rouge-score); wer, cer, per (errors per word, character, phoneme, jiwer); ser (share of
// lines that equal none of their references).
[[nodiscard]] const std::vector<std::string>& metric_names();

// Error usage for a name that is none of these.
[[nodiscard]] bool higher_is_better(std::string_view metric);
[[nodiscard]] Figure measure(std::string_view metric, const TestSet& set,
                             const MetricOptions& options = {});

}  // namespace transept
