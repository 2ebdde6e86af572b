#include "eval/ter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "eval/characters.h"
#include "eval/ngrams.h"

namespace transept {
namespace {

// Limits of Tercom's search and, the last, of sacrebleu's.
constexpr int kLongestShift = 10;
constexpr int kFarthestShift = 50;
constexpr int kBeamWidth = 25;
constexpr int kMostCandidates = 1000;
constexpr int kUnreached = 1 << 29;

using Words = std::vector<uint32_t>;

enum class Edit : char { none, substitute, insert, drop, unreached };

struct Cell {
  int cost = kUnreached;
  Edit edit = Edit::unreached;
};

int size_of(const Words& words) {
  return static_cast<int>(words.size());
}

// Edit distance near the diagonal. Keeps the matrix of the words it was last set to, so that the
// distance of words that begin alike costs only their different rows.
class BeamDistance {
 public:
  explicit BeamDistance(const Words& reference) : reference_(reference) {}

  // How the distance of `words` comes about; later calls of distance() compare with these words.
  int set(const Words& words) {
    words_ = words;
    rows_.assign(words.size() + 1, {});
    rows_[0].resize(reference_.size() + 1);
    for (int j = 0; j <= size_of(reference_); ++j)
      rows_[0][static_cast<size_t>(j)] = {j, Edit::insert};
    for (int i = 1; i <= size_of(words); ++i)
      fill(words, i, rows_[static_cast<size_t>(i) - 1], rows_[static_cast<size_t>(i)]);
    return rows_.back().back().cost;
  }

  // Of as many words as set() was given.
  int distance(const Words& words) {
    size_t same = 0;
    while (same < words.size() && words[same] == words_[same]) ++same;
    std::vector<Cell> above = rows_[same];
    std::vector<Cell> row;
    for (int i = static_cast<int>(same) + 1; i <= size_of(words); ++i) {
      fill(words, i, above, row);
      std::swap(above, row);
    }
    return above.back().cost;
  }

  // The edits from the first word to the last.
  [[nodiscard]] std::vector<Edit> trace() const {
    std::vector<Edit> edits;
    size_t i = words_.size();
    size_t j = reference_.size();
    while (i > 0 || j > 0) {
      edits.push_back(rows_[i][j].edit);
      if (edits.back() != Edit::drop) --j;
      if (edits.back() != Edit::insert) --i;
    }
    std::reverse(edits.begin(), edits.end());
    return edits;
  }

 private:
  // Row i of the matrix: the first i words against all prefixes of the reference.
  void fill(const Words& words, int i, const std::vector<Cell>& above,
            std::vector<Cell>& row) const {
    const int n = size_of(reference_);
    row.assign(reference_.size() + 1, {});
    const double ratio = static_cast<double>(n) / size_of(words);
    const int beam =
        kBeamWidth < ratio / 2 ? static_cast<int>(std::ceil(ratio / 2 + kBeamWidth)) : kBeamWidth;
    const int diagonal = static_cast<int>(std::floor(i * ratio));
    const int end = i == size_of(words) ? n + 1 : std::min(n + 1, diagonal + beam);
    const uint32_t word = words[static_cast<size_t>(i) - 1];
    for (int column = std::max(0, diagonal - beam); column < end; ++column) {
      const auto j = static_cast<size_t>(column);
      Cell& cell = row[j];
      const auto offer = [&](int cost, Edit edit) {
        if (cost < cell.cost) cell = {cost, edit};
      };
      if (j > 0) {  // the order decides between equals
        const bool same = word == reference_[j - 1];
        offer(above[j - 1].cost + (same ? 0 : 1), same ? Edit::none : Edit::substitute);
      }
      offer(above[j].cost + 1, Edit::drop);
      if (j > 0) offer(row[j - 1].cost + 1, Edit::insert);
    }
  }

  const Words& reference_;
  Words words_;
  std::vector<std::vector<Cell>> rows_;
};

// Which hypothesis word stands at a reference word, and which words of either are wrong.
struct Alignment {
  std::vector<int> hypothesis_at;  // -1: before the first
  std::vector<bool> reference_wrong;
  std::vector<bool> hypothesis_wrong;

  explicit Alignment(const std::vector<Edit>& edits) {
    int place = -1;
    for (const Edit edit : edits) {
      const bool wrong = edit != Edit::none;
      if (edit != Edit::insert) {
        ++place;
        hypothesis_wrong.push_back(wrong);
      }
      if (edit != Edit::drop) {
        hypothesis_at.push_back(place);
        reference_wrong.push_back(wrong);
      }
    }
  }
};

bool any(const std::vector<bool>& flags, int begin, int length) {
  return std::find(flags.begin() + begin, flags.begin() + begin + length, true) !=
         flags.begin() + begin + length;
}

// `length` words from `start` moved to `target`, a place in the words as they are; a target inside
// or right behind them counts from their own beginning, as Tercom has it.
Words shifted(const Words& words, int start, int length, int target) {
  const auto part = [&](int begin, int end) {
    begin = std::min(begin, size_of(words));
    end = std::clamp(end, begin, size_of(words));
    return std::pair(words.begin() + begin, words.begin() + end);
  };
  const auto moved = part(start, start + length);
  Words out;
  out.reserve(words.size());
  const auto append = [&](auto range) { out.insert(out.end(), range.first, range.second); };
  if (target < start) {
    append(part(0, target));
    append(moved);
    append(part(target, start));
    append(part(start + length, size_of(words)));
    return out;
  }
  const int end = target > start + length ? target : length + target;
  append(part(0, start));
  append(part(start + length, end));
  append(moved);
  append(part(end, size_of(words)));
  return out;
}

class Shifter {
 public:
  explicit Shifter(const Words& reference) : reference_(reference), distance_(reference) {}

  // Shifts words as long as that saves edits; the number of shifts and edits.
  int edits(Words words) {
    int shifts = 0;
    for (;;) {
      const int before = distance_.set(words);
      best_ = {};
      best_words_.clear();
      try_shifts(words, before);
      if (candidates_ >= kMostCandidates || best_words_.empty() || std::get<0>(best_) <= 0)
        return shifts + before;
      ++shifts;
      words = best_words_;
    }
  }

 private:
  // Highest gain first, then the longest, the earliest, and the earliest target.
  using Rank = std::tuple<int, int, int, int>;

  void try_shifts(const Words& words, int before) {
    const Alignment alignment(distance_.trace());
    for (int start = 0; start < size_of(words); ++start) {
      for (int at = 0; at < size_of(reference_); ++at) {
        if (std::abs(at - start) > kFarthestShift) continue;
        const int most =
            std::min({kLongestShift, size_of(words) - start, size_of(reference_) - at});
        for (int length = 1; length <= most; ++length) {
          const auto last = static_cast<size_t>(length) - 1;
          if (words[static_cast<size_t>(start) + last] !=
              reference_[static_cast<size_t>(at) + last])
            break;
          try_targets(words, alignment, before, {start, at, length});
          if (candidates_ >= kMostCandidates) return;
        }
      }
    }
  }

  struct Match {
    int start;  // in the hypothesis
    int at;     // in the reference
    int length;
  };

  void try_targets(const Words& words, const Alignment& alignment, int before, const Match& match) {
    const auto [start, at, length] = match;
    if (!any(alignment.hypothesis_wrong, start, length)) return;
    if (!any(alignment.reference_wrong, at, length)) return;
    const int aligned = alignment.hypothesis_at[static_cast<size_t>(at)];
    if (start <= aligned && aligned < start + length) return;
    int previous = -1;
    for (int offset = -1; offset < length; ++offset) {
      const int place = at + offset;
      const int target = place == -1 ? 0 : alignment.hypothesis_at[static_cast<size_t>(place)] + 1;
      if (target == previous) continue;
      previous = target;
      Words candidate = shifted(words, start, length, target);
      const Rank rank{before - distance_.distance(candidate), length, -start, -target};
      ++candidates_;
      if (!best_words_.empty() && rank <= best_) continue;
      best_ = rank;
      best_words_ = std::move(candidate);
    }
  }

  const Words& reference_;
  BeamDistance distance_;
  int candidates_ = 0;
  Rank best_;
  Words best_words_;
};

}  // namespace

TerScore ter(const TestSet& set, const TerOptions& options) {
  check_test_set(set);
  WordIds ids;
  const auto words_of = [&](const std::string& text) {
    const std::string cased = options.case_sensitive ? text : lowercase(text);
    return ids.ids(split_at_spaces(cased));
  };
  TerScore out;
  for (size_t i = 0; i < set.hypotheses.size(); ++i) {
    const Words hypothesis = words_of(set.hypotheses[i]);
    int64_t fewest = -1;
    double length = 0;
    for (const std::string& text : set.references[i]) {
      const Words reference = words_of(text);
      const int edits =
          reference.empty() ? size_of(hypothesis) : Shifter(reference).edits(hypothesis);
      if (fewest < 0 || edits < fewest) fewest = edits;
      length += size_of(reference);
    }
    out.edits += fewest;
    out.reference_length += length / static_cast<double>(set.references[i].size());
  }
  if (out.reference_length > 0)
    out.score = 100 * (static_cast<double>(out.edits) / out.reference_length);
  else
    out.score = out.edits > 0 ? 100 : 0;
  out.signature =
      fmt::format("nrefs:{}|case:{}|tok:tercom|norm:no|punct:yes|asian:no|{}", reference_count(set),
                  options.case_sensitive ? "mixed" : "lc", version_field());
  return out;
}

}  // namespace transept
