// chrF and chrF++ (Popović 2015, 2017) as sacrebleu 2.6.0 computes them.
#pragma once

#include <string>

#include "eval/test_set.h"

namespace transept {

struct ChrfOptions {
  int char_order = 6;  // 1 … 6
  int word_order = 0;  // 2: chrF++
  int beta = 2;        // recall counts beta times as much as precision
  bool lowercase = false;
};

struct ChrfScore {
  std::string name;  // chrF2, chrF2++
  double score = 0;  // 0 … 100
  std::string signature;
};

// Of several references the one with the best score counts, line by line.
[[nodiscard]] ChrfScore chrf(const TestSet& set, const ChrfOptions& options = {});

}  // namespace transept
