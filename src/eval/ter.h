// Translation edit rate (Snover et al. 2006) as sacrebleu 2.6.0 computes it, which follows Tercom.
#pragma once

#include <string>

#include "eval/test_set.h"

namespace transept {

struct TerOptions {
  bool case_sensitive = false;
};

struct TerScore {
  double score = 0;             // 100 · edits / length
  int64_t edits = 0;            // shifts count one each
  double reference_length = 0;  // of several references, the mean
  std::string signature;
};

[[nodiscard]] TerScore ter(const TestSet& set, const TerOptions& options = {});

}  // namespace transept
