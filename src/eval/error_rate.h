// Word, character and phoneme error rates: edits / length of the references, as jiwer 4.0.0
// computes them; and the share of lines that are not entirely right.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "eval/test_set.h"

namespace transept {

enum class ErrorUnit {
  word,       // what spaces separate; phoneme sequences are this
  character,  // code points, spaces inside the line too
  line,       // a line is right if it equals one of its references word by word
};

struct ErrorRate {
  double rate = 0;     // 0.25: one edit for every four; above 1 where much is inserted
  int64_t edits = 0;   // substitutions + deletions + insertions
  int64_t length = 0;  // of the references
  std::string signature;
};

// With several references the one that needs fewest edits counts (of equals the first), line by
// line; jiwer has no such case. References without a word at all: the rate is the number of edits.
[[nodiscard]] ErrorRate error_rate(const TestSet& set, ErrorUnit unit);

}  // namespace transept
