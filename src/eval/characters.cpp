#include "eval/characters.h"

#include <unicode/locid.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>

#include "base/utf8.h"

namespace transept {
namespace {

bool has_category(char32_t c, uint32_t mask) {
  return (U_GET_GC_MASK(static_cast<UChar32>(c)) & mask) != 0;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

}  // namespace

bool is_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_punctuation(char32_t c) {
  return has_category(c, U_GC_P_MASK);
}

bool is_symbol(char32_t c) {
  return has_category(c, U_GC_S_MASK);
}

bool is_number(char32_t c) {
  return has_category(c, U_GC_N_MASK);
}

std::string lowercase(std::string_view text) {
  std::string lower(text);
  if (is_ascii(text)) {
    for (char& c : lower)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    return lower;
  }
  lower.clear();
  icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int32_t>(text.size())))
      .toLower(icu::Locale::getRoot())
      .toUTF8String(lower);
  return lower;
}

std::vector<std::string_view> split_at_spaces(std::string_view text) {
  std::vector<std::string_view> words;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    const size_t next = at + static_cast<size_t>(c.size);
    if (is_space(c.value)) {
      if (at > begin) words.push_back(text.substr(begin, at - begin));
      begin = next;
    }
    at = next;
  }
  if (text.size() > begin) words.push_back(text.substr(begin));
  return words;
}

std::string_view strip_spaces(std::string_view text) {
  size_t begin = text.size();
  size_t end = 0;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    const size_t next = at + static_cast<size_t>(c.size);
    if (!is_space(c.value)) {
      begin = std::min(begin, at);
      end = next;
    }
    at = next;
  }
  return begin < end ? text.substr(begin, end - begin) : text.substr(0, 0);
}

std::u32string code_points(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = decode_utf8(text, at);
    out += c.value;
    at += static_cast<size_t>(c.size);
  }
  return out;
}

}  // namespace transept
