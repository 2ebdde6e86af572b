#include "eval/error_rate.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/nearest.h"
#include "eval/characters.h"
#include "eval/ngrams.h"

namespace transept {
namespace {

// jiwer's words: a single space separates, and so do two or more of whatever is white; a single tab
// is part of a word.
std::vector<std::string> jiwer_words(std::string_view text) {
  std::vector<std::string> words(1);
  const std::string_view line = strip_spaces(text);
  const std::vector<std::string_view> parts = split_at_spaces(line);
  for (size_t i = 0; i < parts.size(); ++i) {
    words.back() += parts[i];
    if (i + 1 == parts.size()) break;
    const std::string_view gap(parts[i].end(),
                               static_cast<size_t>(parts[i + 1].begin() - parts[i].end()));
    const bool is_one_other = gap != " " && code_points(gap).size() == 1;
    if (is_one_other) {
      words.back() += gap;
    } else {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

class Units {
 public:
  explicit Units(ErrorUnit unit) : unit_(unit) {}

  std::vector<uint32_t> of(std::string_view text) {
    if (unit_ == ErrorUnit::character) {
      const std::u32string characters = code_points(strip_spaces(text));
      return {characters.begin(), characters.end()};
    }
    const std::vector<std::string> words = jiwer_words(text);
    return words_.ids({words.begin(), words.end()});
  }

 private:
  ErrorUnit unit_;
  WordIds words_;
};

const char* name_of(ErrorUnit unit) {
  switch (unit) {
    case ErrorUnit::word:
      return "word";
    case ErrorUnit::character:
      return "character";
    case ErrorUnit::line:
      break;
  }
  return "line";
}

}  // namespace

ErrorRate error_rate(const TestSet& set, ErrorUnit unit) {
  check_test_set(set);
  Units units(unit);
  ErrorRate out;
  for (size_t i = 0; i < set.hypotheses.size(); ++i) {
    const std::vector<uint32_t> hypothesis = units.of(set.hypotheses[i]);
    int64_t fewest = -1;
    int64_t length = 0;
    for (const std::string& text : set.references[i]) {
      const std::vector<uint32_t> reference = units.of(text);
      const int64_t edits = unit == ErrorUnit::line ? int64_t{hypothesis != reference}
                                                    : edit_distance(hypothesis, reference);
      if (fewest >= 0 && edits >= fewest) continue;
      fewest = edits;
      length = unit == ErrorUnit::line ? 1 : static_cast<int64_t>(reference.size());
    }
    out.edits += fewest;
    out.length += length;
  }
  out.rate = static_cast<double>(out.edits) / static_cast<double>(std::max<int64_t>(out.length, 1));
  out.signature =
      fmt::format("nrefs:{}|unit:{}|{}", reference_count(set), name_of(unit), version_field());
  return out;
}

}  // namespace transept
