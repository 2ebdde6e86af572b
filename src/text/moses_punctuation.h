// Moses' punctuation normalisation: quotation marks, dashes, spaces around punctuation, decimal
// commas, as sacremoses 0.2.0's MosesPunctNormalizer(language).normalize does (a port of
// normalize-punctuation.perl). Keeps track of where every byte came from.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/spm_normalizer.h"

namespace transept {

class MosesPunctuation {
 public:
  // The language as sacremoses spells it: "en", "de", "es", "fr", "cs", "cz" have rules of their
  // own, others share one.
  explicit MosesPunctuation(std::string_view language);

  // `input` is valid UTF-8 of fewer than 2^32 bytes.
  void run(std::string_view input, SpmNormalizer::Result& out) const;

  // A pattern and what takes the place of its matches. A byte below 8 in a pattern stands for a
  // class of text (see the .cpp); in a replacement, for that group of the pattern.
  struct Rule {
    std::string_view pattern;
    std::string_view replacement;
  };

 private:
  std::vector<Rule> rules_;
};

}  // namespace transept
