#include "text/moses_punctuation.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <optional>

#include "base/utf8.h"
#include "text/slow_tokens.h"

namespace transept {
namespace {

using Rule = MosesPunctuation::Rule;
using Text = SpmNormalizer::Result;

// Classes in patterns. All but kSpaces are groups.
constexpr char kDigit = '\1';                     // \d
constexpr char kLetter = '\2';                    // [a-zA-Z]
constexpr char kMark = '\3';                      // [.!:?;,]
constexpr char kSpaces = '\4';                    // " +"
constexpr char kStops = '\5';                     // [,.]+
constexpr char kFullStops = '\6';                 // \.+
[[maybe_unused]] constexpr char kNotLess = '\7';  // \s*[^<]

constexpr Rule kExtraWhitespace[] = {{"\r", ""},      {"(", " ("}, {")", ") "}, {"\4", " "},
                                     {") \3", ")\1"}, {"( ", "("}, {" )", ")"}, {"\1 %", "\1%"},
                                     {" :", ":"},     {" ;", ";"}};
constexpr Rule kPenn[] = {{"`", "'"}, {"''", " \" "}};
constexpr Rule kUnicode[] = {{"„", "\""},        {"“", "\""},  {"”", "\""}, {"–", "-"},
                             {"—", " - "},       {"\4", " "},  {"´", "'"},  {"\2‘\2", "\1'\2"},
                             {"\2’\2", "\1'\2"}, {"‘", "'"},   {"‚", "'"},  {"’", "'"},
                             {"''", "\""},       {"´´", "\""}, {"…", "..."}};
constexpr Rule kFrenchQuotes[] = {{"\u00a0«\u00a0", "\""}, {"«\u00a0", "\""}, {"«", "\""},
                                  {"\u00a0»\u00a0", "\""}, {"\u00a0»", "\""}, {"»", "\""}};
constexpr Rule kPseudoSpaces[] = {{"\u00a0%", "%"},    {"nº\u00a0", "nº "}, {"\u00a0:", ":"},
                                  {"\u00a0ºC", " ºC"}, {"\u00a0cm", " cm"}, {"\u00a0?", "?"},
                                  {"\u00a0!", "!"},    {"\u00a0;", ";"},    {",\u00a0", ", "},
                                  {"\4", " "}};
constexpr Rule kEnglishQuotes[] = {{"\"\5", "\1\""}};
constexpr Rule kOtherQuotes[] = {{",\"", "\","}, {"\6\"\7", "\"\1\2"}};
constexpr Rule kDecimalComma[] = {{"\1\u00a0\1", "\1,\2"}};
constexpr Rule kDecimalPoint[] = {{"\1\u00a0\1", "\1.\2"}};

bool is_class(char c) {
  return c > 0 && c < 8;
}

// The bytes of `text` from `at` that the class takes; 0 if none.
size_t take_run(std::string_view text, size_t at, std::string_view of) {
  size_t end = at;
  while (end < text.size() && of.find(text[end]) != std::string_view::npos) ++end;
  return end - at;
}

size_t take_class(char kind, std::string_view text, size_t at) {
  if (at >= text.size()) return 0;
  const CodePoint c = decode_utf8(text, at);
  const auto size = static_cast<size_t>(c.size);
  switch (kind) {
    case kDigit:
      return u_charType(static_cast<UChar32>(c.value)) == U_DECIMAL_DIGIT_NUMBER ? size : 0;
    case kLetter:
      return (c.value >= 'a' && c.value <= 'z') || (c.value >= 'A' && c.value <= 'Z') ? size : 0;
    case kMark:
      return std::string_view(".!:?;,").find(text[at]) != std::string_view::npos ? size : 0;
    case kSpaces:
      return take_run(text, at, " ");
    case kStops:
      return take_run(text, at, ",.");
    case kFullStops:
      return take_run(text, at, ".");
    default: {  // white space as far as it goes, then one character; or white space alone
      const size_t space = leading_space(text.substr(at));
      const size_t next = at + space;
      if (next >= text.size() || text[next] == '<') return space;
      return space + static_cast<size_t>(decode_utf8(text, next).size);
    }
  }
}

struct Match {
  size_t end = 0;
  std::string_view groups[2];
  size_t n_groups = 0;
};

std::optional<Match> match_at(std::string_view pattern, std::string_view text, size_t at) {
  Match match;
  for (const char c : pattern) {
    size_t size = 1;
    if (is_class(c)) {
      size = take_class(c, text, at);
      if (size == 0) return std::nullopt;
      if (c != kSpaces) match.groups[match.n_groups++] = text.substr(at, size);
    } else if (at >= text.size() || text[at] != c) {
      return std::nullopt;
    }
    at += size;
  }
  match.end = at;
  return match;
}

// The longest run of ordinary bytes in a pattern, which every match contains.
std::string_view literal_of(std::string_view pattern) {
  std::string_view best;
  for (size_t at = 0; at < pattern.size(); ++at) {
    size_t end = at;
    while (end < pattern.size() && !is_class(pattern[end])) ++end;
    if (end - at > best.size()) best = pattern.substr(at, end - at);
  }
  return best;
}

// The first place at or after `at` where a match can begin.
size_t next_start(const Rule& rule, std::string_view text, size_t at) {
  const char first = rule.pattern[0];
  if (!is_class(first)) return text.find(first, at);
  if (first == kSpaces) return text.find(' ', at);
  if (first == kFullStops) return text.find('.', at);
  return at < text.size() ? at : std::string_view::npos;
}

void append_replacement(const Rule& rule, const Match& match, const Text& in, size_t begin,
                        Text& out) {
  for (const char c : rule.replacement) {
    if (!is_class(c)) {
      out.text += c;
      out.origin.push_back(in.origin[begin]);
      continue;
    }
    const std::string_view group = match.groups[static_cast<size_t>(c - 1)];
    const auto from = static_cast<size_t>(group.data() - in.text.data());
    out.text += group;
    for (size_t i = 0; i < group.size(); ++i) out.origin.push_back(in.origin[from + i]);
  }
}

void apply(const Rule& rule, Text& text) {
  const std::string_view literal = literal_of(rule.pattern);
  if (text.text.find(literal) == std::string::npos) return;
  Text out;
  size_t kept = 0;  // the input before this is in `out`
  for (size_t at = next_start(rule, text.text, 0); at != std::string_view::npos;) {
    const auto match = match_at(rule.pattern, text.text, at);
    if (!match) {
      at = next_start(rule, text.text, at + 1);
      continue;
    }
    out.text.append(text.text, kept, at - kept);
    out.origin.insert(out.origin.end(), text.origin.begin() + static_cast<std::ptrdiff_t>(kept),
                      text.origin.begin() + static_cast<std::ptrdiff_t>(at));
    append_replacement(rule, *match, text, at, out);
    kept = match->end;
    at = next_start(rule, text.text, kept);
  }
  if (kept == 0) return;
  out.text.append(text.text, kept, std::string::npos);
  out.origin.insert(out.origin.end(), text.origin.begin() + static_cast<std::ptrdiff_t>(kept),
                    text.origin.end());
  text = std::move(out);
}

}  // namespace

MosesPunctuation::MosesPunctuation(std::string_view language) {
  const auto add = [this](const auto& rules) {
    rules_.insert(rules_.end(), std::begin(rules), std::end(rules));
  };
  const auto is_one_of = [&](std::initializer_list<std::string_view> languages) {
    return std::find(languages.begin(), languages.end(), language) != languages.end();
  };
  add(kExtraWhitespace);
  add(kPenn);
  add(kUnicode);
  add(kFrenchQuotes);
  add(kPseudoSpaces);
  if (language == "en") add(kEnglishQuotes);
  if (is_one_of({"de", "es", "fr"})) add(kOtherQuotes);
  if (is_one_of({"de", "es", "cz", "cs", "fr"})) {
    add(kDecimalComma);
  } else {
    add(kDecimalPoint);
  }
}

void MosesPunctuation::run(std::string_view input, Text& out) const {
  out.text = input;
  out.origin.resize(input.size() + 1);
  for (size_t i = 0; i <= input.size(); ++i) out.origin[i] = static_cast<uint32_t>(i);
  for (const Rule& rule : rules_) apply(rule, out);
  const size_t last = out.text.size() - trailing_space(out.text);
  out.text.resize(last);
  out.origin.resize(last + 1);
  const size_t first = leading_space(out.text);
  out.text.erase(0, first);
  out.origin.erase(out.origin.begin(), out.origin.begin() + static_cast<std::ptrdiff_t>(first));
}

}  // namespace transept
