// Unicode as the reference tokenizers see it: character properties (each as the Rust library or
// Oniguruma that asks for it defines it), lowercase, the four normal forms and grapheme clusters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace transept {

// Bits of properties(); unicode_tables.inl says where they come from.
enum CharProperty : uint32_t {
  kWhite = 1u << 0,        // Rust's char::is_whitespace
  kNumeric = 1u << 1,      // Rust's char::is_numeric
  kPunctuation = 1u << 2,  // ASCII punctuation or general category P
  kBertRemoved = 1u << 3,  // what BERT's clean_text drops
  kNonspacing = 1u << 4,   // general category Mn, as BERT's strip_accents has it
  kCombining = 1u << 5,    // general category M, as StripAccents has it
  kOnigLetter = 1u << 6,   // \p{L} of Oniguruma
  kOnigNumber = 1u << 7,   // \p{N}
  kOnigSpace = 1u << 8,    // \s
  kRegexWord = 1u << 9,    // \w of the crate regex
  kRegexSpace = 1u << 10,  // \s of the crate regex
  kGraphemeShift = 11,     // four bits: GraphemeGroup
  kPictographic = 1u << 15,
  kConjunctShift = 16,    // two bits: Indic_Conjunct_Break 1 consonant, 2 linker, 3 extend
  kOnigWord = 1u << 18,   // \w of Oniguruma
  kOnigDigit = 1u << 19,  // \d
};

[[nodiscard]] uint32_t properties(char32_t c);
[[nodiscard]] inline bool has(char32_t c, CharProperty property) {
  return (properties(c) & property) != 0;
}

// Lowercase without context; two code points only for U+0130 (the second is then U+0307).
[[nodiscard]] char32_t lowercase(char32_t c);

[[nodiscard]] bool is_ascii(std::string_view text);

// The end of the extended grapheme cluster that starts at text[at] (UAX #29, Unicode 17).
[[nodiscard]] size_t next_grapheme(std::string_view text, size_t at);

enum class NormalForm { nfc, nfd, nfkc, nfkd };

// One character of a normalised text. `change` says how it relates to the text before: 0 takes the
// place of the next character, 1 is an insertion, -n takes the place of one and drops n more.
struct Change {
  char32_t value;
  int change;
};

// Normal forms of Unicode 9.0, the version of the reference; characters that came later stay.
// False, with `out` untouched, if the text is already normalised and nothing has to be done.
bool normalize_unicode(std::string_view text, NormalForm form, std::vector<Change>& out);

}  // namespace transept
