#include "ops/softmax.h"

#include <algorithm>
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

// A large k: one sort instead of many insertions.
void sort_top_k(std::span<const float> row, size_t k, std::vector<Scored>& best) {
  for (size_t i = 0; i < row.size(); ++i) {
    best.push_back({static_cast<int32_t>(i), comparable(row[i])});
  }
  std::partial_sort(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(k), best.end(),
                    [](const Scored& a, const Scored& b) {
                      return a.value != b.value ? a.value > b.value : a.index < b.index;
                    });
  best.resize(k);
}

}  // namespace

LogNorm log_norm(const KernelTable& kernels, std::span<const float> row) {
  LogNorm norm;
  kernels.log_sum_exp(row.data(), static_cast<int>(row.size()), &norm.largest, &norm.log_sum);
  return norm;
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
  if (wanted > 64) return sort_top_k(row, wanted, best);
  size_t i = 0;
  for (; i < wanted; ++i) {
    insert(best, {static_cast<int32_t>(i), comparable(row[i])}, wanted);
  }
  for_each_above(
      kernels, row, i, [&] { return best.back().value; },
      [&](size_t found) {
        insert(best, {static_cast<int32_t>(found), row[found]}, wanted);
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
