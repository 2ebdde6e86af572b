// GPT-2's byte-level alphabet: every byte is spelled as one printable character, so that a
// vocabulary of text can hold any bytes; and its pattern that cuts text into words.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace transept {

[[nodiscard]] char32_t byte_to_char(unsigned char byte);
[[nodiscard]] std::optional<unsigned char> char_to_byte(char32_t c);

// The bytes that a piece spells, or nothing if one of its characters is not of the alphabet.
[[nodiscard]] std::optional<std::string> spelled_bytes(std::string_view piece);

// The end of the word that starts at text[at]:
// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
[[nodiscard]] size_t next_gpt2_word(std::string_view text, size_t at);

}  // namespace transept
