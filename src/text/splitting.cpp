#include "text/splitting.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"

namespace transept {

Delimiter read_delimiter(const Json& json) {
  constexpr std::array<std::pair<std::string_view, Delimiter>, 5> kNames{{
      {"Removed", Delimiter::removed},
      {"Isolated", Delimiter::isolated},
      {"MergedWithPrevious", Delimiter::with_before},
      {"MergedWithNext", Delimiter::with_after},
      {"Contiguous", Delimiter::contiguous},
  }};
  const std::string_view name = json.as_string();
  for (const auto& [known, delimiter] : kNames) {
    if (known == name) return delimiter;
  }
  fail(ErrorCode::unsupported, "{}: \"{}\"", json, name);
}

std::vector<Stretch> stretches_of(const std::vector<Match>& matches, size_t size, bool inverted) {
  std::vector<Stretch> all;
  size_t at = 0;
  for (const Match& match : matches) {
    if (at != match.begin) all.push_back({at, match.begin, inverted});
    all.push_back({match.begin, match.end, !inverted});
    at = match.end;
  }
  if (at != size) all.push_back({at, size, inverted});
  return all;
}

void add_splits(const std::vector<Stretch>& stretches, Delimiter delimiter, size_t base,
                std::vector<Split>& out) {
  std::vector<Split> all;
  bool before = false;  // was the stretch before (in the direction of the pass) a match?
  const auto pass = [&](const Stretch& s) {
    bool join = false;
    switch (delimiter) {
      case Delimiter::removed:
        if (s.is_match) return;
        break;
      case Delimiter::isolated:
        break;
      case Delimiter::with_before:
      case Delimiter::with_after:
        join = s.is_match && !before;
        break;
      case Delimiter::contiguous:
        join = s.is_match == before;
        break;
    }
    before = s.is_match;
    if (join && !all.empty()) {
      all.back().begin = std::min(all.back().begin, base + s.begin);
      all.back().end = std::max(all.back().end, base + s.end);
    } else {
      all.push_back({base + s.begin, base + s.end, -1});
    }
  };
  if (delimiter == Delimiter::with_after) {
    std::for_each(stretches.rbegin(), stretches.rend(), pass);
    std::reverse(all.begin(), all.end());
  } else {
    std::for_each(stretches.begin(), stretches.end(), pass);
  }
  for (const Split& split : all) {
    if (split.end > split.begin) out.push_back(split);
  }
}

}  // namespace transept
