#include "text/onig.h"

#include <fmt/format.h>

#include <map>

#include "base/error.h"
#include "base/utf8.h"
#include "text/unicode.h"

namespace transept {
namespace {

// The ranges of the code points with this property, as ICU spells them.
std::string make_ranges(CharProperty property) {
  std::string set;
  char32_t first = 0;
  bool inside = false;
  for (char32_t c = 0; c <= 0x110000; ++c) {
    const bool now = c < 0x110000 && has(c, property);
    if (now && !inside) first = c;
    if (!now && inside) {
      set += fmt::format("\\U{:08X}-\\U{:08X}", static_cast<uint32_t>(first),
                         static_cast<uint32_t>(c - 1));
    }
    inside = now;
  }
  return set;
}

std::string set_of(CharProperty property, bool inverted) {
  static const std::map<CharProperty, std::string> kRanges = [] {
    std::map<CharProperty, std::string> all;
    for (const CharProperty p : {kOnigSpace, kOnigWord, kOnigDigit, kOnigLetter, kOnigNumber}) {
      all[p] = make_ranges(p);
    }
    return all;
  }();
  return (inverted ? "[^" : "[") + kRanges.at(property) + "]";
}

class Translator {
 public:
  Translator(std::string_view pattern, const std::string& where)
      : pattern_(pattern), where_(where) {}

  std::string run() {
    while (at_ < pattern_.size()) {
      switch (pattern_[at_]) {
        case '\\':
          escape();
          break;
        case '[':
          bracket();
          break;
        case '(':
          group();
          break;
        case '*':
        case '+':
        case '?':
        case '{':
          quantifier();
          break;
        default:
          take(1);
      }
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] void refuse(std::string_view what) const {
    fail(ErrorCode::unsupported, "{}: regular expression \"{}\": {} is not supported", where_,
         pattern_, what);
  }

  void take(size_t n) {
    out_ += pattern_.substr(at_, n);
    at_ += n;
  }

  void escape() {
    const char c = at_ + 1 < pattern_.size() ? pattern_[at_ + 1] : '\0';
    switch (c) {
      case 's':
      case 'S':
        return property(kOnigSpace, c == 'S', 2);
      case 'w':
      case 'W':
        return property(kOnigWord, c == 'W', 2);
      case 'd':
      case 'D':
        return property(kOnigDigit, c == 'D', 2);
      case 'p':
      case 'P': {
        const std::string_view name = pattern_.substr(at_, 5).substr(2);
        if (name == "{L}") return property(kOnigLetter, c == 'P', 5);
        if (name == "{N}") return property(kOnigNumber, c == 'P', 5);
        refuse(fmt::format("\"{}\"", pattern_.substr(at_, 10)));
      }
      case 'n':
      case 'r':
      case 't':
      case 'f':
      case 'v':
      case 'A':
      case 'z':
        if (c == 'v') {  // ICU: any vertical space
          out_ += "\\x0B";
          at_ += 2;
          return;
        }
        return take(2);
      default:
        if (c > ' ' && c < 0x7F && !has(static_cast<char32_t>(c), kRegexWord)) return take(2);
        refuse(fmt::format("\"{}\"", pattern_.substr(at_, 2)));
    }
  }

  void property(CharProperty property, bool inverted, size_t size) {
    out_ += set_of(property, inverted);
    at_ += size;
  }

  void bracket() {
    take(1);
    if (next("^")) take(1);
    if (next("]")) refuse("\"[]\"");
    while (!next("]")) {
      if (at_ >= pattern_.size()) refuse("an open bracket");
      if (next("[") || next("&&") || next("--")) refuse("a set in a set");
      if (next("\\")) {
        escape();
      } else if (next("{") || next("}") || next("$") || next("#")) {
        out_ += '\\';
        take(1);
      } else {
        take(1);
      }
    }
    take(1);
  }

  void group() {
    take(1);
    if (!next("?")) return;
    for (const std::string_view kind : {"?:", "?=", "?!", "?<=", "?<!", "?>"}) {
      if (next(kind)) return take(kind.size());
    }
    refuse("this kind of group");
  }

  void quantifier() {
    if (next("{")) {
      const size_t end = pattern_.find('}', at_);
      const std::string_view inner = pattern_.substr(at_ + 1, end - at_ - 1);
      const bool plain = end != std::string_view::npos && !inner.empty() && inner[0] != ',' &&
                         inner.find_first_not_of("0123456789,") == std::string_view::npos;
      if (!plain || inner.size() > 9) refuse("this \"{\"");
      take(end + 1 - at_);
      if (next("?") || next("+")) refuse("a quantifier of a quantifier");
    } else {
      take(1);
      if (next("?")) take(1);  // lazy
      if (next("+")) refuse("a possessive quantifier");
    }
    if (next("*") || next("{") || next("?")) refuse("a quantifier of a quantifier");
  }

  [[nodiscard]] bool next(std::string_view text) const {
    return pattern_.substr(at_).starts_with(text);
  }

  std::string_view pattern_;
  const std::string& where_;
  std::string out_;
  size_t at_ = 0;
};

}  // namespace

std::string translate_onig(std::string_view pattern, const std::string& where) {
  check(find_invalid_utf8(pattern) == std::string_view::npos, ErrorCode::bad_data,
        "{}: not valid UTF-8", where);
  check(pattern.size() < 10'000, ErrorCode::limit, "{}: a regular expression of {} bytes", where,
        pattern.size());
  return Translator(pattern, where).run();
}

}  // namespace transept
