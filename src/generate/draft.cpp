#include "generate/draft.h"

#include <algorithm>

namespace transept {
namespace {

constexpr size_t kLongestMatch = 4;
constexpr size_t kShortestMatch = 2;
constexpr int kLongestPause = 32;

// What follows the latest place in `text` that reads like the end of `ids`, as far as `text` goes;
// the longest such reading counts.
struct Match {
  size_t length = 0;
  std::span<const Token> next;
};

Match find_match(std::span<const Token> ids, std::span<const Token> text) {
  Match best;
  for (size_t end = text.size(); end-- > kShortestMatch;) {  // text[end]: the first that follows
    size_t length = 0;
    const size_t most = std::min({kLongestMatch, ids.size(), end});
    while (length < most && text[end - 1 - length] == ids[ids.size() - 1 - length]) ++length;
    if (length >= kShortestMatch && length > best.length) best = {length, text.subspan(end)};
    if (best.length == kLongestMatch) break;
  }
  return best;
}

}  // namespace

std::vector<Token> Drafter::propose(std::span<const Token> ids, int room) {
  const int most = std::min(length_, room);
  if (most <= 0) return {};
  if (wait_ > 0) {
    --wait_;
    return {};
  }
  const Match said = find_match(ids, ids);
  const Match read = find_match(ids, source_);
  const std::span<const Token> next = said.length > read.length ? said.next : read.next;
  const size_t n = std::min(next.size(), static_cast<size_t>(most));
  return {next.begin(), next.begin() + static_cast<std::ptrdiff_t>(n)};
}

void Drafter::learn(int proposed, int accepted) {
  if (proposed == 0) return;
  if (accepted == proposed) {
    length_ = std::min(most_, 2 * std::max(length_, 1));
    pause_ = 0;
    return;
  }
  length_ = std::max(1, std::min(most_, accepted));
  if (accepted > 0) return;
  pause_ = std::min(kLongestPause, 2 * pause_ + 1);
  wait_ = pause_;
}

}  // namespace transept
