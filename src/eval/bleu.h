// BLEU (Papineni et al. 2002) as sacrebleu 2.6.0 computes it.
#pragma once

#include <array>
#include <string>

#include "eval/test_set.h"

namespace transept {

constexpr int kBleuOrder = 4;

struct BleuOptions {
  std::string tokenizer = "13a";  // bleu_tokenizer.h
  bool lowercase = false;
  // What an n-gram order without a match counts as (Chen & Cherry 2014): "exp" halves once more for
  // each, "floor" and "add-k" take `smoothing_value` (0.1 and 1 if negative), "none" leaves 0.
  std::string smoothing = "exp";
  double smoothing_value = -1;
  bool effective_order = false;  // only the orders that the hypotheses are long enough for
};

struct BleuScore {
  double score = 0;                             // 0 … 100
  std::array<double, kBleuOrder> precisions{};  // 0 … 100
  double brevity_penalty = 1;
  int64_t hypothesis_length = 0;  // in tokens
  int64_t reference_length = 0;   // of the references closest in length
  std::string signature;

  // "60.1/33.2/20.0/12.3 (BP = 1.000 ratio = 1.013 hyp_len = 12 ref_len = 12)"
  [[nodiscard]] std::string detail() const;
};

[[nodiscard]] BleuScore bleu(const TestSet& set, const BleuOptions& options = {});

}  // namespace transept
