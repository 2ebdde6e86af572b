#include "ops/softmax.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace transept {
namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();

// Calls f(index) for every entry > threshold(), in order; the threshold may rise meanwhile.
template <class Threshold, class F>
void for_each_above(const KernelTable& kernels, std::span<const float> row, size_t begin,
                    Threshold&& threshold, F&& f) {
  for (size_t i = begin; i < row.size(); ++i) {
    const auto left = static_cast<int>(row.size() - i);
    const int next = kernels.first_above(row.data() + i, left, threshold());
    if (next == left) return;
    i += static_cast<size_t>(next);
    f(i);
  }
}

// NaN is never among the best.
float comparable(float x) {
  if (std::isnan(x)) return kLowest;
  return x;
}

// Puts an entry in its place among the best k; later equals stay behind earlier ones.
void insert(std::vector<Scored>& best, Scored entry, size_t k) {
  if (best.size() < k) {
    best.push_back(entry);
  } else {
    best.back() = entry;
  }
  for (size_t i = best.size() - 1; i > 0 && best[i].value > best[i - 1].value; --i) {
    std::swap(best[i], best[i - 1]);
  }
}

// A number for an entry: the lower, the earlier it comes. Numbers are compared much faster.
uint64_t rank_of(float value, size_t index) {
  const auto bits = std::bit_cast<uint32_t>(comparable(value) + 0.0F);  // one zero, not two
  constexpr uint32_t kSign = 0x80000000U;
  const uint32_t ascending = (bits & kSign) != 0 ? ~bits : bits | kSign;
  return (uint64_t{~ascending} << 32U) | index;
}

// A large k: a selection and a sort instead of many insertions.
void sort_top_k(std::span<const float> row, size_t k, std::vector<Scored>& best) {
  std::vector<uint64_t> ranks(row.size());
  for (size_t i = 0; i < row.size(); ++i) ranks[i] = rank_of(row[i], i);
  const auto end = ranks.begin() + static_cast<std::ptrdiff_t>(k);
  if (end != ranks.end()) std::nth_element(ranks.begin(), end, ranks.end());
  std::sort(ranks.begin(), end);
  for (auto rank = ranks.begin(); rank != end; ++rank) {
    const auto index = static_cast<uint32_t>(*rank);
    best.push_back({static_cast<int32_t>(index), comparable(row[index])});
  }
}

}  // namespace

SumExp sum_exp(const KernelTable& kernels, std::span<const float> piece) {
  SumExp result;
  kernels.sum_exp(piece.data(), static_cast<int>(piece.size()), &result.largest, &result.sum);
  return result;
}

LogNorm log_norm(std::span<const SumExp> pieces) {
  float largest = kLowest;
  for (const SumExp& piece : pieces) largest = std::max(largest, piece.largest);
  const double origin = largest == kLowest ? 0 : static_cast<double>(largest);
  double sum = 0;
  for (const SumExp& piece : pieces) {
    sum += static_cast<double>(piece.sum) * std::exp(static_cast<double>(piece.largest) - origin);
  }
  return {largest, static_cast<float>(std::log(sum))};
}

LogNorm log_norm(const KernelTable& kernels, std::span<const float> row) {
  std::vector<SumExp> pieces;
  for (size_t i = 0; i < row.size(); i += kSumPiece) {
    pieces.push_back(sum_exp(kernels, row.subspan(i, std::min<size_t>(kSumPiece, row.size() - i))));
  }
  return log_norm(pieces);
}

void log_softmax(const KernelTable& kernels, std::span<const float> row, std::span<float> out) {
  const LogNorm norm = log_norm(kernels, row);
  for (size_t i = 0; i < row.size(); ++i) out[i] = norm.of(row[i]);
}

void top_k(const KernelTable& kernels, std::span<const float> row, int k,
           std::vector<Scored>& best) {
  best.clear();
  const size_t wanted = std::min(row.size(), static_cast<size_t>(std::max(k, 0)));
  if (wanted == 0) return;
  if (wanted > kMostInserted) return sort_top_k(row, wanted, best);
  add_to_top_k(kernels, row, 0, wanted, best);
}

void add_to_top_k(const KernelTable& kernels, std::span<const float> piece, int32_t first, size_t k,
                  std::vector<Scored>& best) {
  size_t i = 0;
  for (; best.size() < k && i < piece.size(); ++i) {
    insert(best, {first + static_cast<int32_t>(i), comparable(piece[i])}, k);
  }
  for_each_above(
      kernels, piece, i, [&] { return best.back().value; },
      [&](size_t found) {
        insert(best, {first + static_cast<int32_t>(found), piece[found]}, k);
      });
}

void select_at_least(const KernelTable& kernels, std::span<const float> row, float least,
                     std::vector<Scored>& found) {
  const float below = std::nextafter(least, kLowest);
  for_each_above(
      kernels, row, 0, [&] { return below; },
      [&](size_t i) {
        found.push_back({static_cast<int32_t>(i), row[i]});
      });
}

}  // namespace transept
