#include "eval/ngrams.h"

#include <algorithm>

#include "base/error.h"

namespace transept {

// Sorted once: the n-grams of every order are beginnings of the longest ones, in the same order.
std::vector<NgramCounts> count_ngrams(std::span<const uint32_t> members, int highest) {
  dcheck(highest >= 1 && highest <= kLongestNgram);
  const auto most = static_cast<size_t>(highest);
  std::vector<Ngram> all(members.size());
  for (size_t i = 0; i < all.size(); ++i) {
    const std::span<const uint32_t> rest = members.subspan(i);
    all[i] = {};
    std::copy_n(rest.begin(), std::min(most, rest.size()), all[i].begin());
  }
  std::sort(all.begin(), all.end());
  std::vector<NgramCounts> counts(most);
  for (size_t order = 1; order <= most; ++order) {
    NgramCounts& out = counts[order - 1];
    for (const Ngram& longest : all) {
      if (longest[order - 1] == 0) continue;  // the text ended before
      if (out.empty() ||
          !std::equal(longest.begin(), longest.begin() + order, out.back().first.begin())) {
        out.emplace_back(Ngram{}, 0);
        std::copy_n(longest.begin(), order, out.back().first.begin());
      }
      ++out.back().second;
    }
  }
  return counts;
}

int64_t total(const NgramCounts& counts) {
  int64_t sum = 0;
  for (const auto& [ngram, count] : counts) sum += count;
  return sum;
}

int64_t n_matches(const NgramCounts& a, const NgramCounts& b) {
  int64_t sum = 0;
  for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
    if (i->first < j->first) {
      ++i;
    } else if (j->first < i->first) {
      ++j;
    } else {
      sum += std::min(i++->second, j++->second);
    }
  }
  return sum;
}

NgramCounts maximum(const NgramCounts& a, const NgramCounts& b) {
  NgramCounts merged;
  merged.reserve(a.size() + b.size());
  auto i = a.begin();
  auto j = b.begin();
  while (i != a.end() || j != b.end()) {
    if (j == b.end() || (i != a.end() && i->first < j->first)) {
      merged.push_back(*i++);
    } else if (i == a.end() || j->first < i->first) {
      merged.push_back(*j++);
    } else {
      merged.emplace_back(i->first, std::max(i->second, j->second));
      ++i;
      ++j;
    }
  }
  return merged;
}

std::vector<uint32_t> WordIds::ids(const std::vector<std::string_view>& words) {
  std::vector<uint32_t> out;
  out.reserve(words.size());
  for (const std::string_view word : words) {
    const auto found = known_.find(word);
    out.push_back(
        found != known_.end()
            ? found->second
            : known_.emplace(word, static_cast<uint32_t>(known_.size() + 1)).first->second);
  }
  return out;
}

}  // namespace transept
