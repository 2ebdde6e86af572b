// As sacrebleu 2.6.0 defines them. Each step is a substitution over the whole text, from left to
// right, where what a match has taken is not looked at again.
#include "eval/bleu_tokenizer.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"
#include "eval/characters.h"

namespace transept {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_stop(char c) {
  return c == '.' || c == ',';
}

// Split off wherever it stands: ASCII punctuation but for ' , - .
bool is_western_punctuation(char c) {
  return (c >= '{' && c <= '~') || (c >= '[' && c <= '`') || (c >= ' ' && c <= '&') ||
         (c >= '(' && c <= '+') || (c >= ':' && c <= '@') || c == '/';
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
    text.replace(at, what.size(), with);
}

// Puts a space between neighbours that `first` and `second` accept, `before` and `after` around
// them; the members of one pair are not part of another.
template <class Text, class First, class Second>
Text separate(const Text& text, First&& first, Second&& second, const Text& before,
              const Text& after) {
  const auto space = static_cast<typename Text::value_type>(' ');
  Text out;
  out.reserve(text.size() * 2);
  for (size_t i = 0; i < text.size(); ++i) {
    if (i + 1 < text.size() && first(text[i]) && second(text[i + 1])) {
      out += before;
      out += text[i++];
      out += space;
      out += text[i];
      out += after;
    } else {
      out += text[i];
    }
  }
  return out;
}

// On bytes: a byte of a longer character counts as what is neither digit nor stop, and spaces are
// never put inside a character.
std::string tokenize_western(std::string_view text) {
  const std::string none;
  const std::string space = " ";
  const auto not_digit = [](char c) { return !is_digit(c); };
  std::string out;
  for (const char c : text) {
    if (is_western_punctuation(c)) {
      out += ' ';
      out += c;
      out += ' ';
    } else {
      out += c;
    }
  }
  out = separate(out, not_digit, is_stop, none, space);
  out = separate(out, is_stop, not_digit, space, none);
  return separate(
      out, is_digit, [](char c) { return c == '-'; }, none, space);
}

std::string tokenize_13a(std::string_view text) {
  std::string line(text);
  replace_all(line, "<skipped>", "");
  replace_all(line, "-\n", "");
  replace_all(line, "\n", " ");
  replace_all(line, "&quot;", "\"");
  replace_all(line, "&amp;", "&");
  replace_all(line, "&lt;", "<");
  replace_all(line, "&gt;", ">");
  return tokenize_western(" " + line + " ");
}

std::string tokenize_international(std::string_view text) {
  const std::u32string none;
  const std::u32string space = U" ";
  const auto not_number = [](char32_t c) { return !is_number(c); };
  std::u32string line = code_points(text);
  line = separate(line, not_number, is_punctuation, none, space);
  line = separate(line, is_punctuation, not_number, space, none);
  std::string out;
  for (const char32_t c : line) {
    if (is_symbol(c)) out += ' ';
    append_utf8(out, c);
    if (is_symbol(c)) out += ' ';
  }
  return out;
}

// sacrebleu's ranges. Two of them were meant to lie above U+FFFF, but are spelled so that they mean
// U+2001 … U+2A6D and U+2F81 … U+2FA1; scores are only comparable with that kept.
bool is_chinese(char32_t c) {
  struct Range {
    char32_t first;
    char32_t last;
  };
  static constexpr Range kRanges[] = {
      {0x3400, 0x4DB5}, {0x4E00, 0x9FA5}, {0x9FA6, 0x9FBB}, {0xF900, 0xFA2D}, {0xFA30, 0xFA6A},
      {0xFA70, 0xFAD9}, {0x2001, 0x2A6D}, {0x2F81, 0x2FA1}, {0xFF00, 0xFFEF}, {0x2E80, 0x2EFF},
      {0x3000, 0x303F}, {0x31C0, 0x31EF}, {0x2F00, 0x2FDF}, {0x2FF0, 0x2FFF}, {0x3100, 0x312F},
      {0x31A0, 0x31BF}, {0xFE10, 0xFE1F}, {0xFE30, 0xFE4F}, {0x2600, 0x26FF}, {0x2700, 0x27BF},
      {0x3200, 0x32FF}, {0x3300, 0x33FF}};
  return std::any_of(std::begin(kRanges), std::end(kRanges),
                     [&](const Range& range) { return c >= range.first && c <= range.last; });
}

std::string tokenize_chinese(std::string_view text) {
  std::string line;
  for (const char32_t c : code_points(strip_spaces(text))) {
    if (is_chinese(c)) line += ' ';
    append_utf8(line, c);
    if (is_chinese(c)) line += ' ';
  }
  return tokenize_western(line);
}

std::string tokenize_characters(std::string_view text) {
  std::string line;
  for (const char32_t c : code_points(text)) {
    if (!line.empty()) line += ' ';
    append_utf8(line, c);
  }
  return line;
}

}  // namespace

const std::vector<std::string>& bleu_tokenizers() {
  static const std::vector<std::string> kNames = {"13a", "intl", "zh", "char", "none"};
  return kNames;
}

std::string tokenize_for_bleu(std::string_view text, std::string_view tokenizer) {
  if (tokenizer == "13a") return tokenize_13a(text);
  if (tokenizer == "intl") return tokenize_international(text);
  if (tokenizer == "zh") return tokenize_chinese(text);
  if (tokenizer == "char") return tokenize_characters(text);
  check(tokenizer == "none", ErrorCode::usage, "BLEU tokenizer '{}': expected one of {}", tokenizer,
        [] { return fmt::format("{}", fmt::join(bleu_tokenizers(), ", ")); });
  return std::string(text);
}

}  // namespace transept
