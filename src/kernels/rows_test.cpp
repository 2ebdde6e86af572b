// Laws of the kernels over one row: norms, softmax, sum_exp.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/kernels_testing.h"

namespace transept {
namespace {

// Rows start at offset 1, so that no vector load is aligned.
constexpr size_t kOffset = 1;

// Rounding of a sum by 16 partial sums and a tree: at most n / 16 + 4 additions deep.
double sum_tolerance(int n) {
  const int depth = n / 16 + 6;
  return depth * 0x1p-24;
}

std::vector<float> run_layer_norm(const KernelTable& table, int n, bool with_shift) {
  const size_t size = static_cast<size_t>(n) + kOffset;
  const std::vector<float> x = random_values(size, 1, 3.0f);
  const std::vector<float> gain = random_values(size, 2);
  const std::vector<float> shift = random_values(size, 3);
  std::vector<float> out(size + 3, kUntouched);
  table.layer_norm(&x[kOffset], &gain[kOffset], with_shift ? &shift[kOffset] : nullptr, 1e-5f, n,
                   &out[kOffset], nullptr);
  std::vector<float> again(out.size() + 2, kUntouched);
  table.layer_norm(&x[kOffset], &gain[kOffset], with_shift ? &shift[kOffset] : nullptr, 1e-5f, n,
                   &again[kOffset], &again[out.size()]);
  again.resize(out.size());
  EXPECT_TRUE(same_bits(out, again)) << "stats changed the result";
  EXPECT_EQ(out[size], kUntouched);
  return out;
}

TEST(LayerNorm, SameBitsOnEveryInstructionSet) {
  for (const int n : odd_sizes())
    for (const bool with_shift : {false, true})
      expect_same_on_all(
          [&](const KernelTable& table) { return run_layer_norm(table, n, with_shift); });
}

TEST(LayerNorm, EqualsTheFormula) {
  for (const int n : odd_sizes()) {
    const auto size = static_cast<size_t>(n);
    const std::vector<float> x = random_values(size, 7, 2.0f);
    const std::vector<float> gain = random_values(size, 8);
    const std::vector<float> shift = random_values(size, 9);
    double mean = 0.0;
    for (const float v : x) mean += v;
    mean /= n;
    double variance = 0.0;
    for (const float v : x) variance += (v - mean) * (v - mean);
    variance /= n;
    const double rstd = 1.0 / std::sqrt(variance + 1e-5);
    for (const KernelTable* table : tested_kernels()) {
      std::vector<float> y(size);
      float stats[2];
      table->layer_norm(x.data(), gain.data(), shift.data(), 1e-5f, n, y.data(), stats);
      // The mean may be off by its rounding, which rstd (up to 316 for n = 1) then magnifies.
      const double off = sum_tolerance(n) * 8.0 * std::max(1.0, rstd);
      EXPECT_NEAR(stats[0], mean, off);
      EXPECT_NEAR(stats[1], rstd, rstd * 1e-6 + off);
      for (size_t i = 0; i < size; ++i)
        EXPECT_NEAR(y[i], (x[i] - mean) * rstd * gain[i] + shift[i],
                    off * (1.0 + std::abs(gain[i])))
            << table->name << " " << n;
    }
  }
}

TEST(LayerNorm, LargeMeanDoesNotCancel) {
  // Two passes: the variance of 1000 +- 1 is 1, which sum(x^2) - n mean^2 in f32 would lose.
  std::vector<float> x(64, 999.0f), gain(64, 1.0f), shift(64, 0.0f), y(64);
  for (size_t i = 0; i < x.size(); i += 2) x[i] = 1001.0f;
  for (const KernelTable* table : tested_kernels()) {
    table->layer_norm(x.data(), gain.data(), shift.data(), 0.0f, 64, y.data(), nullptr);
    EXPECT_EQ(y[0], 1.0f);
    EXPECT_EQ(y[1], -1.0f);
  }
}

TEST(RmsNorm, SameBitsOnEveryInstructionSet) {
  for (const int n : odd_sizes())
    expect_same_on_all([&](const KernelTable& table) {
      const std::vector<float> x = random_values(static_cast<size_t>(n) + kOffset, 1, 3.0f);
      const std::vector<float> gain = random_values(x.size(), 2);
      std::vector<float> out(x.size() + 3, kUntouched);
      table.rms_norm(&x[kOffset], &gain[kOffset], 1e-6f, n, &out[kOffset], &out[x.size() + 1]);
      EXPECT_EQ(out[x.size()], kUntouched);
      EXPECT_EQ(out[x.size() + 1], 0.0f);
      return out;
    });
}

TEST(RmsNorm, EqualsTheFormulaInPlaceToo) {
  for (const int n : odd_sizes()) {
    const std::vector<float> x = random_values(static_cast<size_t>(n), 7, 2.0f);
    const std::vector<float> gain = random_values(x.size(), 8);
    double square = 0.0;
    for (const float v : x) square += static_cast<double>(v) * v;
    const double rstd = 1.0 / std::sqrt(square / n + 1e-6);
    for (const KernelTable* table : tested_kernels()) {
      std::vector<float> y = x;
      table->rms_norm(y.data(), gain.data(), 1e-6f, n, y.data(), nullptr);
      for (size_t i = 0; i < x.size(); ++i) {
        const double expected = x[i] * rstd * gain[i];
        EXPECT_NEAR(y[i], expected, std::abs(expected) * (sum_tolerance(n) + 4 * 0x1p-24));
      }
    }
  }
}

std::vector<float> run_softmax(const KernelTable& table, std::vector<float> row,
                               const std::vector<float>& bias, float scale, int valid) {
  const int n = static_cast<int>(row.size()) - 2;  // one value on each side is out of bounds
  row.front() = row.back() = kUntouched;
  table.softmax(&row[1], bias.empty() ? nullptr : &bias[1], scale, valid, n);
  EXPECT_EQ(row.front(), kUntouched);
  EXPECT_EQ(row.back(), kUntouched);
  return row;
}

TEST(Softmax, SameBitsOnEveryInstructionSet) {
  for (const int n : odd_sizes())
    for (const int valid : {0, 1, n / 2, n - 1, n})
      for (const bool biased : {false, true}) {
        const std::vector<float> row = random_values(static_cast<size_t>(n) + 2, 1, 4.0f);
        const std::vector<float> bias =
            biased ? random_values(row.size(), 2, 4.0f) : std::vector<float>{};
        SCOPED_TRACE(testing::Message() << "n " << n << " valid " << valid);
        expect_same_on_all(
            [&](const KernelTable& table) { return run_softmax(table, row, bias, 0.125f, valid); });
      }
}

TEST(Softmax, EqualsTheFormula) {
  for (const int n : odd_sizes()) {
    const int valid = (n + 1) / 2;
    const std::vector<float> row = random_values(static_cast<size_t>(n) + 2, 3, 5.0f);
    const std::vector<float> bias = random_values(row.size(), 4);
    double sum = 0.0;
    std::vector<double> exact(row.size(), 0.0);
    for (int i = 1; i <= valid; ++i) {
      const auto at = static_cast<size_t>(i);
      exact[at] = std::exp(0.5 * row[at] + bias[at]);
      sum += exact[at];
    }
    for (const KernelTable* table : tested_kernels()) {
      const std::vector<float> p = run_softmax(*table, row, bias, 0.5f, valid);
      for (size_t i = 1; i + 1 < row.size(); ++i) {
        // Scores up to 16 are rounded to 2^-21 before exp, which makes it a relative error.
        EXPECT_NEAR(p[i], exact[i] / sum, exact[i] / sum * 2e-6) << table->name;
      }
    }
  }
}

TEST(Softmax, OnlyTheFirstValidScoresCount) {
  const std::vector<float> row = random_values(42, 5);
  for (const KernelTable* table : tested_kernels()) {
    std::vector<float> poisoned = row;
    std::fill(poisoned.begin() + 20, poisoned.end(), kNan);
    const std::vector<float> p = run_softmax(*table, poisoned, {}, 1.0f, 19);
    const std::vector<float> whole =
        run_softmax(*table, std::vector<float>(row.begin(), row.begin() + 21), {}, 1.0f, 19);
    for (size_t i = 1; i <= 19; ++i) EXPECT_EQ(p[i], whole[i]);
    for (size_t i = 20; i + 1 < row.size(); ++i) EXPECT_EQ(p[i], 0.0f);
  }
}

TEST(Softmax, MinusInfinityIsNoProbabilityAndNanPropagates) {
  for (const KernelTable* table : tested_kernels()) {
    std::vector<float> row{0.0f, -kInfinity, 0.0f, -kInfinity};
    table->softmax(row.data(), nullptr, 1.0f, 4, 4);
    EXPECT_EQ(row, (std::vector<float>{0.5f, 0.0f, 0.5f, 0.0f}));

    std::vector<float> nothing(20, -kInfinity);
    table->softmax(nothing.data(), nullptr, 1.0f, 20, 20);
    EXPECT_EQ(nothing, std::vector<float>(20, 0.0f));

    std::vector<float> bad(20, 1.0f);
    bad[17] = kNan;
    table->softmax(bad.data(), nullptr, 1.0f, 20, 20);
    for (const float p : bad) EXPECT_TRUE(std::isnan(p)) << table->name;

    std::vector<float> one{kInfinity, 1.0f};
    table->softmax(one.data(), nullptr, 1.0f, 2, 2);
    EXPECT_TRUE(std::isnan(one[0]));
  }
}

TEST(SumExp, SameBitsOnEveryInstructionSet) {
  for (const int n : odd_sizes())
    for (const float special : {0.0f, -kInfinity, kInfinity, kNan})
      expect_same_on_all([&](const KernelTable& table) {
        std::vector<float> x = random_values(static_cast<size_t>(n) + kOffset, 1, 8.0f);
        x[kOffset + static_cast<size_t>(n / 2)] = special;
        std::vector<float> out(2);
        table.sum_exp(&x[kOffset], n, &out[0], &out[1]);
        return out;
      });
}

TEST(SumExp, EqualsTheFormula) {
  for (const int n : odd_sizes()) {
    const std::vector<float> x = random_values(static_cast<size_t>(n), 2, 8.0f);
    const double top = *std::max_element(x.begin(), x.end());
    double sum = 0.0;
    for (const float v : x) sum += std::exp(v - top);
    for (const KernelTable* table : tested_kernels()) {
      float largest = 0.0f, found = 0.0f;
      table->sum_exp(x.data(), n, &largest, &found);
      EXPECT_EQ(largest, top);
      EXPECT_NEAR(found, sum, sum * 1e-6) << table->name;  // exp: 2 ulp
    }
  }
}

// Rows with the same largest value twice, infinities, and NaN where it would be found first.
std::vector<std::vector<float>> rows_to_search(int n) {
  const auto size = static_cast<size_t>(n);
  const std::vector<float> normal = random_values(size, 4, 8.0f);
  std::vector<float> twice = normal;
  twice[size / 3] = twice[size - 1] = 100.0f;
  std::vector<float> damaged = normal;
  damaged[0] = kNan;
  damaged[size / 2] = kNan;
  std::vector<float> infinite = normal;
  infinite[size / 2] = kInfinity;
  return {normal,
          twice,
          damaged,
          infinite,
          std::vector<float>(size, -kInfinity),
          std::vector<float>(size, kNan)};
}

TEST(IndexOfLargest, IsTheFirstOne) {
  for (const int n : odd_sizes())
    for (const std::vector<float>& x : rows_to_search(n)) {
      int expected = 0;
      for (int i = 1; i < n; ++i) {
        const float best = x[static_cast<size_t>(expected)];
        const float value = x[static_cast<size_t>(i)];
        if (value > best || (std::isnan(best) && value > -kInfinity)) expected = i;
      }
      for (const KernelTable* table : tested_kernels())
        EXPECT_EQ(table->index_of_largest(x.data(), n), expected) << table->name << " n " << n;
    }
}

TEST(FirstAbove, IsTheFirstOne) {
  for (const int n : odd_sizes())
    for (const std::vector<float>& x : rows_to_search(n))
      for (const float threshold : {-kInfinity, -20.0f, 3.0f, 99.0f, 100.0f, kInfinity}) {
        int expected = 0;
        while (expected < n && !(x[static_cast<size_t>(expected)] > threshold)) ++expected;
        for (const KernelTable* table : tested_kernels())
          EXPECT_EQ(table->first_above(x.data(), n, threshold), expected)
              << table->name << " n " << n << " threshold " << threshold;
      }
}

std::vector<float> run_bound_outputs(const KernelTable& table, int n) {
  const auto size = static_cast<size_t>(n);
  std::vector<float> y = random_values(size, 21, 10.0f);
  if (n > 5) y[5] = -std::numeric_limits<float>::infinity();
  std::vector<float> error = random_values(size, 22), length = random_values(size, 23, 5.0f);
  for (float& e : error) e = std::abs(e);
  for (float& l : length) l = std::abs(l);
  std::vector<float> out(static_cast<size_t>(panels_for(n)) + 2, kUntouched);
  const float lower =
      table.bound_outputs({y.data(), error.data(), length.data(), 3.0f, 0.25f, n, out.data()});
  EXPECT_EQ(out[out.size() - 2], kUntouched);
  out.back() = lower;
  return out;
}

TEST(BoundOutputs, SameBitsOnEveryInstructionSet) {
  for (const int n : odd_sizes())
    expect_same_on_all([&](const KernelTable& table) { return run_bound_outputs(table, n); });
}

TEST(BoundOutputs, EqualsTheFormula) {
  const std::vector<float> y{1.0f, -8.0f, 5.0f}, error{0.5f, 0.25f, 1.0f}, length{2.0f, 1.0f, 4.0f};
  for (const KernelTable* table : tested_kernels()) {
    float upper = 0.0f;
    // Margins 2 * error + 0.5 * length: 2, 1, 4.
    const float lower =
        table->bound_outputs({y.data(), error.data(), length.data(), 2.0f, 0.5f, 3, &upper});
    EXPECT_NEAR(upper, 9.0f, 1e-5f) << table->name;
    EXPECT_NEAR(lower, 1.0f, 1e-5f) << table->name;
  }
}

}  // namespace
}  // namespace transept
