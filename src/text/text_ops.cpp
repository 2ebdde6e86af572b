#include "text/text_ops.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/byte_level.h"

namespace transept {
namespace {

// Calls f(code point, begin, size) for every character; stops when f is false.
template <class F>
bool each_character(std::string_view text, F&& f) {
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    const CodePoint c = lead < 0x80 ? CodePoint{lead, 1, true} : decode_utf8(text, at);
    if (!f(c.value, at, static_cast<size_t>(c.size))) return false;
    at += static_cast<size_t>(c.size);
  }
  return true;
}

size_t size_of(char32_t c) {
  return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

}  // namespace

void apply_normal_form(AlignedText& text, NormalForm form) {
  std::vector<Change> changes;
  if (!normalize_unicode(text.text(), form, changes)) return;
  TextEdit edit(text);
  edit.apply(changes);
  edit.finish();
}

void map_characters(AlignedText& text, char32_t (*map)(char32_t)) {
  std::string& all = text.mutable_text();
  size_t stopped = 0;  // the first character whose size changes
  const bool in_place = each_character(all, [&](char32_t c, size_t at, size_t size) {
    const char32_t mapped = map(c);
    if (mapped == c) return true;
    stopped = at;
    if (size_of(mapped) != size) return false;
    std::string letters;
    append_utf8(letters, mapped);
    std::copy(letters.begin(), letters.end(), all.begin() + static_cast<std::ptrdiff_t>(at));
    return true;
  });
  if (in_place) return;
  TextEdit edit(text);
  edit.keep(stopped);
  while (!edit.at_end()) edit.replace(map(edit.next()));
  edit.finish();
}

void apply_lowercase(AlignedText& text) {
  std::string& all = text.mutable_text();
  if (is_ascii(all)) {
    for (char& c : all) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    return;
  }
  if (all.find("\u0130") == std::string::npos) return map_characters(text, lowercase);
  TextEdit edit(text);
  while (!edit.at_end()) {
    const char32_t c = edit.next();
    edit.replace(lowercase(c));
    if (c == 0x130) edit.insert(0x307);
  }
  edit.finish();
}

void drop_characters(AlignedText& text, bool (*is_unwanted)(char32_t)) {
  size_t first = 0;
  const bool none = each_character(text.text(), [&](char32_t c, size_t at, size_t) {
    first = at;
    return !is_unwanted(c);
  });
  if (none) return;
  TextEdit edit(text);
  edit.keep(first);
  while (!edit.at_end()) {
    const char32_t c = edit.next();
    if (is_unwanted(c)) {
      edit.skip(size_of(c));
    } else {
      edit.keep(size_of(c));
    }
  }
  edit.finish();
}

void space_characters(AlignedText& text, bool (*is_apart)(char32_t)) {
  const bool none =
      each_character(text.text(), [&](char32_t c, size_t, size_t) { return !is_apart(c); });
  if (none) return;
  TextEdit edit(text);
  while (!edit.at_end()) {
    const char32_t c = edit.next();
    const bool apart = is_apart(c);
    if (apart) edit.insert_like_next(" ");
    edit.keep(size_of(c));
    if (apart) edit.insert(U' ');
  }
  edit.finish();
}

void strip(AlignedText& text, bool left, bool right) {
  const std::string& all = text.text();
  size_t begin = all.size();  // of what is not white
  size_t end = 0;
  each_character(all, [&](char32_t c, size_t at, size_t size) {
    if (has(c, kWhite)) return true;
    begin = std::min(begin, at);
    end = at + size;
    return true;
  });
  const size_t size = all.size();
  if (begin >= end) {
    begin = left || right ? size : 0;
    end = size;
  } else {
    begin = left ? begin : 0;
    end = right ? end : size;
  }
  if (begin == 0 && end == size) return;
  TextEdit edit(text);
  edit.skip(begin);
  edit.keep(end - begin);
  edit.skip(size - end);
  edit.finish();
}

void spell_bytes(AlignedText& text) {
  if (text.text().empty()) return;
  const std::string bytes = text.text();
  TextEdit edit(text);
  std::string spelled;
  each_character(bytes, [&](char32_t, size_t at, size_t size) {
    spelled.clear();
    for (size_t i = at; i < at + size; ++i) {
      append_utf8(spelled, byte_to_char(static_cast<unsigned char>(bytes[i])));
    }
    edit.insert_like_next(spelled);
    edit.skip(size);
    return true;
  });
  edit.finish();
}

}  // namespace transept
