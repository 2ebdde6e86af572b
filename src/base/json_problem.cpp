#include "base/json_problem.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/utf8.h"

namespace transept {
namespace {

struct Problem {
  size_t place;
  std::string what;
};

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20;
}

std::string control_character(char c) {
  return fmt::format("the control character U+{:04X}", static_cast<unsigned>(c));
}

// The code unit of \uXXXX at `at`, which is the backslash.
std::optional<unsigned> code_unit(std::string_view text, size_t at) {
  if (text.substr(at, 2) != "\\u" || at + 6 > text.size()) return std::nullopt;
  unsigned unit = 0;
  const char* end = text.data() + at + 6;
  const auto parsed = std::from_chars(text.data() + at + 2, end, unit, 16);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return unit;
}

// Steps `at` over the escape that starts there, or says what is wrong with it.
std::optional<Problem> step_over_escape(std::string_view text, size_t& at) {
  constexpr std::string_view kSimple = "\"\\/bfnrt";
  if (at + 1 < text.size() && kSimple.find(text[at + 1]) != std::string_view::npos) {
    at += 2;
    return std::nullopt;
  }
  const std::optional<unsigned> unit = code_unit(text, at);
  if (!unit) return Problem{at, "a backslash that begins no escape of JSON"};
  const bool low = *unit >= 0xDC00 && *unit < 0xE000;
  const bool high = *unit >= 0xD800 && *unit < 0xDC00;
  const unsigned next = high ? code_unit(text, at + 6).value_or(0) : 0;
  if (low || (high && (next < 0xDC00 || next >= 0xE000))) {
    return Problem{
        at, fmt::format("{} is half a surrogate pair, without the other half", text.substr(at, 6))};
  }
  at += high ? 12 : 6;
  return std::nullopt;
}

// The first string that is malformed.
std::optional<Problem> string_problem(std::string_view text) {
  for (size_t at = text.find('"'); at < text.size(); at = text.find('"', at)) {
    const size_t begin = at++;
    while (at < text.size() && text[at] != '"') {
      if (is_control(text[at])) {
        return Problem{at, control_character(text[at]) + " in a string, where JSON has an escape"};
      }
      if (text[at] != '\\') {
        ++at;
      } else if (std::optional<Problem> problem = step_over_escape(text, at)) {
        return problem;
      }
    }
    if (at == text.size()) return Problem{begin, "a string that is not closed"};
    ++at;
  }
  return std::nullopt;
}

Problem find_problem(std::string_view text, size_t place) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    return {0, "a byte order mark of UTF-16; JSON is UTF-8"};
  }
  if (const size_t at = find_invalid_utf8(text); at != std::string_view::npos) {
    return {at, "not UTF-8"};
  }
  if (std::optional<Problem> problem = string_problem(text)) return *problem;
  place = std::min(place, text.size());
  const std::string_view rest = text.substr(place);
  if (rest.empty()) return {place, "the text ends too early"};
  if (is_control(rest.front())) return {place, control_character(rest.front())};
  const size_t size = std::min(rest.find_first_of(" \t\r\n,:[]{}\"", 1), rest.size());
  return {place, fmt::format("unexpected {}", rest.substr(0, std::min<size_t>(size, 20)))};
}

}  // namespace

void fail_json(std::string_view name, std::string_view text, size_t place, std::string_view what) {
  const Problem problem =
      what.empty() ? find_problem(text, place) : Problem{place, std::string(what)};
  const std::string_view before = text.substr(0, problem.place);
  const auto line = 1 + std::ranges::count(before, '\n');
  const size_t begin = before.rfind('\n') + 1;
  const size_t column = 1 + count_code_points(before.substr(begin));
  fail(ErrorCode::bad_data, "{}: not valid JSON: line {}, column {}: {}", name, line, column,
       problem.what);
}

}  // namespace transept
