// Rows of logits against the formula and a full sort.
#include "ops/softmax.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/rng.h"

namespace transept {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> random_row(size_t n, float size) {
  std::vector<float> row;
  for (size_t i = 0; i < n; ++i)
    row.push_back(size * static_cast<float>(random_uniform(1, n, i) - 0.5));
  return row;
}

TEST(LogNorm, EqualsTheFormula) {
  for (const size_t n : {1U, 16U, 511U, 512U, 513U, 1024U, 3000U})
    for (const float size : {1.0F, 30.0F, 300.0F}) {
      std::vector<float> row = random_row(n, size);
      if (n > 600) std::fill_n(row.begin(), 520, -kInfinity);
      const double top = *std::ranges::max_element(row);
      double sum = 0;
      for (const float x : row) sum += std::exp(x - top);
      for (const KernelTable* table : available_kernels()) {
        const LogNorm norm = log_norm(*table, row);
        EXPECT_EQ(norm.largest, top);
        // Relative errors of the sum become absolute ones of its logarithm.
        EXPECT_NEAR(norm.log_sum, std::log(sum), 1e-6 + std::log(sum) * 0x1p-23) << table->name;
      }
    }
}

TEST(LogNorm, OfRowsThatHaveNone) {
  const KernelTable& kernels = reference_kernels();
  EXPECT_EQ(log_norm(kernels, std::vector<float>(700, -kInfinity)).log_sum, -kInfinity);
  std::vector<float> row = random_row(700, 1);
  row[600] = kInfinity;
  EXPECT_TRUE(std::isnan(log_norm(kernels, row).log_sum));
  row[600] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(log_norm(kernels, row).log_sum));
}

TEST(TopK, IsTheBeginningOfASortedRow) {
  for (const size_t n : {1U, 5U, 64U, 700U})
    for (const int k : {0, 1, 5, 64, 65, 700}) {
      std::vector<float> row = random_row(n, 8);
      for (float& x : row) x = std::round(x);  // many are equal
      row[n / 2] = -kInfinity;
      std::vector<int32_t> order(n);
      std::iota(order.begin(), order.end(), 0);
      std::ranges::stable_sort(order, std::ranges::greater(),
                               [&](int32_t i) { return row[static_cast<size_t>(i)]; });
      std::vector<Scored> best;
      for (const KernelTable* table : available_kernels()) {
        top_k(*table, row, k, best);
        ASSERT_EQ(best.size(), std::min(n, static_cast<size_t>(k)));
        for (size_t i = 0; i < best.size(); ++i) {
          EXPECT_EQ(best[i].index, order[i]);
          EXPECT_EQ(best[i].value, row[static_cast<size_t>(order[i])]);
        }
      }
    }
}

}  // namespace
}  // namespace transept
