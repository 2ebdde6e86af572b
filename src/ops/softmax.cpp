#include "ops/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace transept {
namespace {

constexpr float kLowest = -std::numeric_limits<float>::infinity();
constexpr size_t kBlock = 128;
constexpr size_t kWidth = 16;

// Is there an entry > threshold? The common answer is no, found without a branch per entry.
bool any_above(const float* x, float threshold) {
  float largest[kWidth];
  std::fill_n(largest, kWidth, kLowest);
  for (size_t i = 0; i < kBlock; i += kWidth) {
    for (size_t lane = 0; lane < kWidth; ++lane) {
      largest[lane] = x[i + lane] > largest[lane] ? x[i + lane] : largest[lane];
    }
  }
  return std::any_of(largest, largest + kWidth, [&](float v) { return v > threshold; });
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

void top_k(std::span<const float> row, int k, std::vector<Scored>& best) {
  best.clear();
  const size_t wanted = std::min(row.size(), static_cast<size_t>(std::max(k, 0)));
  if (wanted == 0) return;
  if (wanted > 64) return sort_top_k(row, wanted, best);
  size_t i = 0;
  for (; i < wanted; ++i) {
    insert(best, {static_cast<int32_t>(i), comparable(row[i])}, wanted);
  }
  while (i < row.size()) {
    if (i + kBlock <= row.size() && !any_above(&row[i], best.back().value)) {
      i += kBlock;
      continue;
    }
    for (const size_t end = std::min(i + kBlock, row.size()); i < end; ++i) {
      if (row[i] > best.back().value) insert(best, {static_cast<int32_t>(i), row[i]}, wanted);
    }
  }
}

void select_at_least(std::span<const float> row, float least, std::vector<Scored>& found) {
  const float below = std::nextafter(least, kLowest);
  for (size_t i = 0; i < row.size();) {
    if (i + kBlock <= row.size() && least > kLowest && !any_above(&row[i], below)) {
      i += kBlock;
      continue;
    }
    for (const size_t end = std::min(i + kBlock, row.size()); i < end; ++i) {
      if (row[i] >= least) found.push_back({static_cast<int32_t>(i), row[i]});
    }
  }
}

}  // namespace transept
