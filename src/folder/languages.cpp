#include "folder/languages.h"

#include <fmt/format.h>
#include <unicode/uloc.h>

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace transept {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_code(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto plain = [](char c) { return c == '-' ? '_' : lower(c); };
    return plain(x) == plain(y);
  });
}

// "deu" of "deu_Latn"
std::string_view language_part(std::string_view code) {
  return code.substr(0, code.find_first_of("_-"));
}

// The same language, whatever country or script, in two or three letters: "de", "de_DE",
// "deu_Latn".
bool same_language(std::string_view a, std::string_view b) {
  const auto iso3 = [](std::string_view code) {
    std::string part(language_part(code));
    std::transform(part.begin(), part.end(), part.begin(), lower);
    const std::string known = uloc_getISO3Language(part.c_str());
    return known.empty() ? part : known;
  };
  return iso3(a) == iso3(b);
}

std::string shortened(std::string_view code) {
  return std::string(code.substr(0, 100));
}

// "a, b, c and 99 more"
std::string some_of(const std::vector<std::string>& codes) {
  constexpr size_t kShown = 12;
  const size_t n = std::min(codes.size(), kShown);
  std::string all = fmt::format("{}", fmt::join(codes.begin(), codes.begin() + n, ", "));
  if (codes.size() > n) all += fmt::format(" and {} more", codes.size() - n);
  return all;
}

}  // namespace

LanguageTable::LanguageTable(const Tokenizer* tokenizer, std::vector<Translation> pairs)
    : tokenizer_(tokenizer), pairs_(std::move(pairs)) {}

std::vector<std::string> LanguageTable::codes() const {
  std::vector<std::string> codes;
  if (!has_codes()) return codes;
  for (const Language& language : tokenizer_->languages()) codes.push_back(language.code);
  return codes;
}

void LanguageTable::add(Translation pair) {
  const auto known = std::find_if(pairs_.begin(), pairs_.end(), [&](const Translation& other) {
    return same_code(other.source, pair.source) && same_code(other.target, pair.target);
  });
  if (known == pairs_.end()) return pairs_.push_back(std::move(pair));
  if (!pair.prefix.empty()) known->prefix = pair.prefix;
  if (!pair.prompt.empty()) known->prompt = pair.prompt;
}

bool LanguageTable::knows(const Languages& asked, bool loosely) const {
  if (has_codes()) {
    const auto is_known = [&](const std::string& code) {
      const std::optional<std::string> found = find_code(code);
      return found && (loosely || same_code(*found, code));
    };
    const bool in_input = tokenizer_->language_marks() == LanguageMarks::in_input;
    return is_known(asked.target) &&
           (in_input ? asked.source.empty() : !asked.source.empty() && is_known(asked.source));
  }
  int fitting = 0;
  for (const Translation& pair : pairs_) {
    const auto& same = loosely ? same_language : same_code;
    const bool fits = same(pair.target, asked.target) &&
                      (asked.source.empty() || same(pair.source, asked.source));
    fitting += fits ? 1 : 0;
  }
  return fitting == 1 || (fitting > 1 && !asked.source.empty());
}

std::string LanguageTable::only_source(std::string_view target) const {
  std::string source;
  for (const Translation& pair : pairs_) {
    if (!same_language(pair.target, target)) continue;
    if (!source.empty() && source != pair.source) return "";
    source = pair.source;
  }
  return source;
}

std::optional<std::string> LanguageTable::find_code(std::string_view asked) const {
  const std::vector<std::string> all = codes();
  if (asked.starts_with(">>") && asked.ends_with("<<") && asked.size() > 4)
    asked = asked.substr(2, asked.size() - 4);
  if (asked.starts_with("__") && asked.ends_with("__") && asked.size() > 4)
    asked = asked.substr(2, asked.size() - 4);
  for (const std::string& code : all)
    if (code == asked) return code;
  std::vector<std::string> similar;
  for (const std::string& code : all)
    if (same_code(code, asked)) similar.push_back(code);
  if (similar.empty())
    for (const std::string& code : all)
      if (same_language(code, asked)) similar.push_back(code);
  if (similar.size() != 1) return std::nullopt;
  return similar.front();
}

std::string LanguageTable::code_of(const char* side, const std::string& asked) const {
  const std::optional<std::string> code = find_code(asked);
  const bool in_input = tokenizer_->language_marks() == LanguageMarks::in_input;
  check(
      code.has_value(), ErrorCode::usage,
      "{} language {}: the model has no such code; it knows {}{}", side,
      [&] { return shortened(asked); }, [&] { return some_of(codes()); },
      in_input ? ", which its input says as >>code<<" : "");
  return *code;
}

Direction LanguageTable::by_codes(const Languages& asked) const {
  Direction direction;
  const bool in_input = tokenizer_->language_marks() == LanguageMarks::in_input;
  check(!in_input || asked.source.empty(), ErrorCode::usage,
        "source language {}: this model is told only its target language, by >>code<< in the "
        "input; leave the source out",
        [&] { return shortened(asked.source); });
  if (!asked.source.empty()) direction.codes.source = code_of("source", asked.source);
  if (asked.target.empty()) return direction;
  direction.codes.target = code_of("target", asked.target);
  direction.is_marked = in_input;
  if (!in_input) direction.forced_bos = language_token(*tokenizer_, direction.codes.target);
  return direction;
}

// The pair of the folder; its source may be left open where one pair alone has the target.
const Translation* LanguageTable::find_pair(const Languages& asked) const {
  for (const auto& same : {same_code, same_language}) {
    const Translation* found = nullptr;
    int fitting = 0;
    for (const Translation& pair : pairs_) {
      if (!same(pair.target, asked.target)) continue;
      if (!asked.source.empty() && !same(pair.source, asked.source)) continue;
      if (found == nullptr) found = &pair;
      ++fitting;
    }
    check(fitting < 2 || !asked.source.empty(), ErrorCode::usage,
          "target language {}: name the source language too, there are several into it",
          asked.target);
    if (found != nullptr) return found;
  }
  return nullptr;
}

Direction LanguageTable::direction(const Languages& asked) const {
  if (asked.empty()) return {};
  const char* side = asked.target.empty() ? "source" : "target";
  const std::string& code = asked.target.empty() ? asked.source : asked.target;
  check(!empty(), ErrorCode::usage,
        "{} language {}: this model knows no languages, neither codes of its tokenizer nor pairs "
        "of its folder (task_specific_params); leave it out and say the language in the input or "
        "the prompt, as the model was taught",
        side, [&] { return shortened(code); });
  if (has_codes()) return by_codes(asked);
  check(!asked.target.empty(), ErrorCode::usage,
        "source language {}: name the target language too; this model knows pairs of languages",
        [&] { return shortened(code); });
  const Translation* pair = find_pair(asked);
  check(
      pair != nullptr, ErrorCode::usage,
      "from {} to {}: this model does not translate that; it knows {}",
      [&] { return asked.source.empty() ? "any language" : shortened(asked.source); },
      [&] { return shortened(asked.target); },
      [&] {
        std::vector<std::string> known;
        for (const Translation& one : pairs_) known.push_back(one.source + " to " + one.target);
        return some_of(known);
      });
  Direction direction;
  direction.prefix = pair->prefix;
  direction.prompt = pair->prompt;
  return direction;
}

}  // namespace transept
