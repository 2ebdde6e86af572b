// Shortlist: for every source token the target tokens that it is likely to become, and the target
// tokens that are frequent anyway. What a translation model may say about an input is little of its
// vocabulary (Devlin 2017, "Sharp models on dull hardware", section 3.1; Marian's lexical
// shortlists).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "model/config.h"

namespace transept {

struct Shortlist {
  int n_targets = 0;            // all targets are below this
  int first = 0;                // target tokens [0, first) are always allowed: the most frequent
  std::vector<size_t> offsets;  // of source token s: targets [offsets[s], offsets[s + 1])
  std::vector<Token> targets;

  [[nodiscard]] std::span<const Token> of(Token source) const {
    const auto s = static_cast<size_t>(source);
    if (source < 0 || s + 1 >= offsets.size()) return {};
    return std::span(targets).subspan(offsets[s], offsets[s + 1] - offsets[s]);
  }
};

}  // namespace transept
