#include "base/nearest.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace transept {

int64_t edit_distance(std::span<const uint32_t> a, std::span<const uint32_t> b) {
  while (!a.empty() && !b.empty() && a.front() == b.front()) a = a.subspan(1), b = b.subspan(1);
  while (!a.empty() && !b.empty() && a.back() == b.back())
    a = a.first(a.size() - 1), b = b.first(b.size() - 1);
  std::vector<int64_t> row(b.size() + 1);  // of the distance matrix; row[j]: a so far -> j of b
  std::iota(row.begin(), row.end(), int64_t{0});
  for (const uint32_t item : a) {
    int64_t diagonal = row[0]++;
    for (size_t j = 0; j < b.size(); ++j) {
      const int64_t substituted = diagonal + (item == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substituted, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

std::string nearest_word(std::string_view word, std::span<const std::string> known, size_t most) {
  const std::vector<uint32_t> letters(word.begin(), word.end());
  const std::string* nearest = nullptr;
  auto least = static_cast<int64_t>(most) + 1;
  for (const std::string& candidate : known) {
    const int64_t distance =
        edit_distance(letters, std::vector<uint32_t>(candidate.begin(), candidate.end()));
    if (distance >= least) continue;
    least = distance;
    nearest = &candidate;
  }
  return nearest == nullptr ? std::string() : *nearest;
}

}  // namespace transept
