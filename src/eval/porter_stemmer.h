// Porter's stemmer (Porter 1980) with the changes NLTK makes by default (NLTK 3.10.4): what ROUGE's
// figures "with stemming" are made with.
#pragma once

#include <string>

namespace transept {

// The word must be of lower-case ASCII letters and digits.
[[nodiscard]] std::string porter_stem(std::string word);

}  // namespace transept
