// ROUGE-N, ROUGE-L and ROUGE-Lsum (Lin 2004) as rouge-score 0.1.2 computes them.
#pragma once

#include <string>
#include <vector>

#include "eval/test_set.h"

namespace transept {

enum class RougeKind { rouge1, rouge2, rouge_l, rouge_lsum };

struct RougeOptions {
  bool stemmer = false;  // Porter's, with NLTK's changes, on words of more than three letters
};

struct RougeScore {
  std::string name;      // rouge1, rouge2, rougeL, rougeLsum
  double precision = 0;  // 0 … 1, means over the lines
  double recall = 0;
  double f_measure = 0;
  std::string signature;
};

// Words are runs of a-z and 0-9 after lowercasing: for English and its like. ROUGE-Lsum takes each
// line feed inside a text as the end of a sentence. Of several references the one with the best
// F-measure counts.
[[nodiscard]] RougeScore rouge(const TestSet& set, RougeKind kind,
                               const RougeOptions& options = {});

}  // namespace transept
