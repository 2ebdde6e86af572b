// How far words are from each other, and "did you mean …?".
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace transept {

// The least number of insertions, deletions and substitutions that make b of a (Levenshtein 1966).
[[nodiscard]] int64_t edit_distance(std::span<const uint32_t> a, std::span<const uint32_t> b);

// The word of `known` that needs fewest edits of a byte, the first of equals; empty if every one
// needs more than `most`.
[[nodiscard]] std::string nearest_word(std::string_view word, std::span<const std::string> known,
                                       size_t most);

}  // namespace transept
