// UTF-8: decoding, encoding and validation (Unicode 15, section 3.9).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace transept {

struct CodePoint {
  char32_t value;  // U+FFFD for a malformed sequence
  int size;        // bytes taken, at least 1
  bool valid;
};

// The code point that starts at text[at]. A malformed sequence takes its maximal subpart (Unicode
// table 3-8).
[[nodiscard]] CodePoint decode_utf8(std::string_view text, size_t at);
void append_utf8(std::string& text, char32_t code_point);
// The offset of the first malformed byte, or npos.
[[nodiscard]] size_t find_invalid_utf8(std::string_view text);
// Malformed sequences become U+FFFD each, as Python's errors="replace" does.
[[nodiscard]] std::string replace_invalid_utf8(std::string_view text);
[[nodiscard]] size_t count_code_points(std::string_view text);

}  // namespace transept
