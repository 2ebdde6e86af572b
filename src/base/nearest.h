// "Did you mean …?": the known word that is fewest edits away from the one that is not.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace transept {

// The word of `known` that needs fewest single-character edits (Levenshtein 1966), the first of
// equals; empty if every one needs more than `most`.
[[nodiscard]] std::string nearest_word(std::string_view word, std::span<const std::string> known,
                                       size_t most);

}  // namespace transept
