// Elementary rewritings of an AlignedText, from which the normalizers are made. Each leaves a text
// alone, and cheaply, that it has nothing to change in.
#pragma once

#include "text/aligned_text.h"

namespace transept {

void apply_normal_form(AlignedText& text, NormalForm form);
void apply_lowercase(AlignedText& text);
void spell_bytes(AlignedText& text);  // byte_level.h: every byte as a character

// Writes map(c) in place of every character c.
void map_characters(AlignedText& text, char32_t (*map)(char32_t));
// Drops the characters that `is_unwanted`.
void drop_characters(AlignedText& text, bool (*is_unwanted)(char32_t));
// Puts a space before and after the characters that `is_apart`.
void space_characters(AlignedText& text, bool (*is_apart)(char32_t));
// Drops white space at the ends.
void strip(AlignedText& text, bool left, bool right);

}  // namespace transept
