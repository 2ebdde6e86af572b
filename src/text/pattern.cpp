#include "text/pattern.h"

#include <unicode/uregex.h>
#include <unicode/ustring.h>
#include <unicode/utext.h>

#include "base/error.h"
#include "base/utf8.h"
#include "text/onig.h"

namespace transept {
namespace {

void check_icu(UErrorCode error, const char* what) {
  check(U_SUCCESS(error), ErrorCode::limit, "regular expression: {}: {}", what, u_errorName(error));
}

struct CloseText {
  void operator()(UText* text) const { utext_close(text); }
};
struct CloseRegex {
  void operator()(URegularExpression* regex) const { uregex_close(regex); }
};

}  // namespace

class Pattern::Regex {
 public:
  Regex(std::string_view pattern, const std::string& where) {
    const std::string translated = translate_onig(pattern, where);
    UErrorCode error = U_ZERO_ERROR;
    const std::unique_ptr<UText, CloseText> text(utext_openUTF8(
        nullptr, translated.data(), static_cast<int64_t>(translated.size()), &error));
    UParseError place{};
    compiled_.reset(
        uregex_openUText(text.get(), UREGEX_MULTILINE | UREGEX_UNIX_LINES, &place, &error));
    check(U_SUCCESS(error) && compiled_ != nullptr, ErrorCode::bad_data,
          "{}: not a regular expression: \"{}\": {}", where, pattern, u_errorName(error));
  }

  // As Oniguruma's iterator: an empty match right after a match does not count.
  void find_all(std::string_view text, std::vector<Match>& out) const {
    UErrorCode error = U_ZERO_ERROR;
    // A compiled expression also holds the state of its search: each search has its own.
    const std::unique_ptr<URegularExpression, CloseRegex> regex(
        uregex_clone(compiled_.get(), &error));
    const std::unique_ptr<UText, CloseText> utext(
        utext_openUTF8(nullptr, text.data(), static_cast<int64_t>(text.size()), &error));
    uregex_setUText(regex.get(), utext.get(), &error);
    uregex_setTimeLimit(regex.get(), 100'000, &error);
    check_icu(error, "cannot start");
    int64_t from = 0;
    int64_t last_end = -1;
    const auto size = static_cast<int64_t>(text.size());
    while (from <= size && uregex_find64(regex.get(), from, &error) != 0) {
      const int64_t begin = uregex_start64(regex.get(), 0, &error);
      const int64_t end = uregex_end64(regex.get(), 0, &error);
      check_icu(error, "cannot search");
      from = end;
      if (begin == end && end == last_end) {
        from += end < size ? decode_utf8(text, static_cast<size_t>(end)).size : 1;
        continue;
      }
      last_end = end;
      out.push_back({static_cast<size_t>(begin), static_cast<size_t>(end)});
    }
    check_icu(error, "cannot search");
  }

 private:
  std::unique_ptr<URegularExpression, CloseRegex> compiled_;
};

Pattern::Pattern(const Json& json) {
  if (const std::optional<Json> literal = json.find("String")) {
    literal_ = literal->as_string();
    check(!literal_.empty(), ErrorCode::unsupported, "{}: an empty text to look for", *literal);
    return;
  }
  const Json regex = json.at("Regex");
  const std::string_view pattern = regex.as_string();
  // The commonest: a run of one character, "x+", "x{2,}".
  const auto plain = [](char c) {
    return static_cast<unsigned char>(c) < 0x80 &&
           std::string_view("\\[](){}*+?.^$|").find(c) == std::string_view::npos;
  };
  if (pattern.size() == 2 && plain(pattern[0]) && pattern[1] == '+') {
    literal_ = pattern[0];
    least_ = 1;
  } else if (pattern.size() == 5 && plain(pattern[0]) && pattern[2] >= '1' && pattern[2] <= '9' &&
             pattern[1] == '{' && pattern.ends_with(",}")) {
    literal_ = pattern[0];
    least_ = static_cast<size_t>(pattern[2] - '0');
  } else {
    check(!pattern.empty(), ErrorCode::unsupported, "{}: an empty regular expression", regex);
    regex_ = std::make_unique<Regex>(pattern, regex.where());
  }
}

Pattern::Pattern(std::string literal) : literal_(std::move(literal)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

void Pattern::find_literal(std::string_view text, std::vector<Match>& out) const {
  for (size_t at = text.find(literal_); at != std::string_view::npos;
       at = text.find(literal_, at + literal_.size())) {
    out.push_back({at, at + literal_.size()});
  }
}

void Pattern::find_runs(std::string_view text, std::vector<Match>& out) const {
  const char c = literal_[0];
  for (size_t at = text.find(c); at != std::string_view::npos; at = text.find(c, at)) {
    const size_t end = std::min(text.find_first_not_of(c, at), text.size());
    if (end - at >= least_) out.push_back({at, end});
    at = end;
  }
}

std::vector<Match> Pattern::find_all(std::string_view text) const {
  std::vector<Match> matches;
  if (text.empty()) return matches;
  if (regex_ != nullptr) {
    regex_->find_all(text, matches);
  } else if (least_ > 0) {
    find_runs(text, matches);
  } else {
    find_literal(text, matches);
  }
  return matches;
}

}  // namespace transept
