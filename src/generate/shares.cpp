#include "generate/shares.h"

#include <algorithm>
#include <numeric>

namespace transept {

std::vector<int> share_out(int total, std::span<const int> wants) {
  std::vector<int> shares(wants.size(), 0);
  std::vector<size_t> order(wants.size());  // the modest first: what they leave is known then
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return wants[i]; });
  int level = 0;  // what the last of the modest got
  size_t done = 0;
  int rest = std::max(total, 0);
  for (; done < order.size(); ++done) {
    const auto others = static_cast<int>(order.size() - done);
    const int want = std::max(wants[order[done]], 0);
    if (want - level > rest / others) break;
    rest -= (want - level) * others;
    level = want;
    shares[order[done]] = want;
  }
  if (done == order.size()) return shares;
  std::vector<size_t> greedy(order.begin() + static_cast<std::ptrdiff_t>(done), order.end());
  std::ranges::sort(greedy);
  const auto others = static_cast<int>(greedy.size());
  for (size_t i = 0; i < greedy.size(); ++i)
    shares[greedy[i]] = level + rest / others + (static_cast<int>(i) < rest % others ? 1 : 0);
  return shares;
}

}  // namespace transept
