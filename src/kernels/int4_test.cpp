// Laws of the int4 product: that of the int8 panels it stands for, to the bit, on every instruction
// set and for any number of rows.
#include "kernels/int4.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/kernels_testing.h"

namespace transept {
namespace {

std::vector<std::byte> packed_panels(const std::vector<float>& w, int n, int k) {
  return pack_panels(w, n, k, int4_panel_bytes(k), pack_panel_i4);
}

std::vector<std::byte> expanded_panels(const std::vector<std::byte>& packed, int n, int k) {
  std::vector<std::byte> panels(static_cast<size_t>(panels_for(n)) * int8_panel_bytes(k));
  for (size_t p = 0; p < static_cast<size_t>(panels_for(n)); ++p)
    expand_panel_i4(packed.data() + p * int4_panel_bytes(k), k,
                    panels.data() + p * int8_panel_bytes(k));
  return panels;
}

struct Rows {
  std::vector<uint8_t> bytes;
  std::vector<float> scales;
};

Rows quantized_rows(int m, int k) {
  const size_t stride = int8_row_bytes(k);
  Rows rows{std::vector<uint8_t>(static_cast<size_t>(m) * stride),
            std::vector<float>(static_cast<size_t>(m))};
  const auto cols = static_cast<size_t>(k);
  const std::vector<float> x = random_values(static_cast<size_t>(m) * cols, 1);
  for (size_t r = 0; r < static_cast<size_t>(m); ++r)
    reference_kernels().quantize_row(x.data() + r * cols, k, rows.bytes.data() + r * stride,
                                     &rows.scales[r]);
  return rows;
}

// multiply(table, g) into an output of its own, wider than it need be.
template <class Multiply>
std::vector<float> product(const Rows& rows, const std::vector<std::byte>& packed, int m, int n,
                           int k, const float* bias, Multiply&& multiply) {
  const auto ldy = static_cast<size_t>(n) + 3;
  std::vector<float> y(static_cast<size_t>(m) * ldy, kUntouched);
  multiply(GemmI8{.a = rows.bytes.data(),
                  .lda = int8_row_bytes(k),
                  .a_scale = rows.scales.data(),
                  .packed = packed.data(),
                  .y = y.data(),
                  .ldy = ldy,
                  .m = m,
                  .n = n,
                  .k = k,
                  .bias = bias});
  return y;
}

TEST(GemmI4, IsTheProductOfTheInt8PanelsOnEveryInstructionSet) {
  for (const int k : {1, 4, 5, 31, 32, 33, 63, 68, 127, 128, 129, 161, 512, 1030})
    for (const int n : {1, 16, 17, 47, 64, 81, 130}) {
      const std::vector<float> w =
          random_values(static_cast<size_t>(n) * static_cast<size_t>(k), 2);
      const std::vector<float> bias = random_values(static_cast<size_t>(n), 3);
      const std::vector<std::byte> packed = packed_panels(w, n, k);
      const std::vector<std::byte> panels = expanded_panels(packed, n, k);
      for (const int m : {1, 2, 3, 4, 5, 11, 33}) {
        SCOPED_TRACE(testing::Message() << "m " << m << " n " << n << " k " << k);
        const Rows rows = quantized_rows(m, k);
        const float* shift = n % 2 == 0 ? nullptr : bias.data();
        const std::vector<float> expected =
            product(rows, panels, m, n, k, shift,
                    [&](const GemmI8& g) { reference_kernels().gemm_i8(g, 0, panels_for(n)); });
        for (const KernelTable* table : tested_kernels())
          EXPECT_TRUE(same_bits(expected, product(rows, packed, m, n, k, shift,
                                                  [&](const GemmI8& g) {
                                                    multiply_i4(*table, g, 0, panels_for(n));
                                                  })))
              << table->name;
      }
    }
}

TEST(GemmI4, PanelRangesDoNotMatter) {
  const int n = 130;
  const int k = 77;
  const std::vector<std::byte> packed = packed_panels(random_values(size_t{n} * k, 2), n, k);
  for (const int m : {1, 3, 9}) {
    const Rows rows = quantized_rows(m, k);
    for (const KernelTable* table : tested_kernels()) {
      const auto with = [&](std::vector<int> cuts) {
        return product(rows, packed, m, n, k, nullptr, [&](const GemmI8& g) {
          for (size_t i = 0; i + 1 < cuts.size(); ++i) multiply_i4(*table, g, cuts[i], cuts[i + 1]);
        });
      };
      EXPECT_TRUE(same_bits(with({0, 9}), with({0, 1, 6, 8, 9}))) << table->name;
    }
  }
}

TEST(ExpandI4, SameBytesOnEveryInstructionSet) {
  for (const int k : odd_sizes()) {
    const std::vector<std::byte> panel =
        packed_panels(random_values(static_cast<size_t>(k) * kLanes, 5), kLanes, k);
    const std::vector<std::byte> expected = expanded_panels(panel, kLanes, k);
    for (const KernelTable* table : tested_kernels()) {
      std::vector<std::byte> expanded(expected.size() + 1, std::byte{77});
      table->expand_i4(panel.data(), k, expanded.data());
      EXPECT_EQ(expanded.back(), std::byte{77});
      expanded.pop_back();
      EXPECT_EQ(expanded, expected) << table->name << " k " << k;
    }
  }
}

float scale_of(const std::byte* panel, int lane) {
  float scale = 0.0f;
  std::memcpy(&scale, panel + static_cast<size_t>(lane) * sizeof scale, sizeof scale);
  return scale;
}

TEST(PanelI4, KeepsTheRulesOfInt8AndNearValues) {
  for (const int n : {1, 7, 16})
    for (const int k : {1, 2, 5, 33, 64, 301, 512}) {
      const size_t size = static_cast<size_t>(n) * static_cast<size_t>(k);
      std::vector<float> normal = random_values(size, 8);
      std::vector<float> outlier = normal;
      if (k > 4) outlier[4] = 30.0f;
      std::vector<float> extreme(size);  // every pair at the limit of the int8 form
      for (size_t i = 0; i < size; ++i) extreme[i] = i % 8 < 4 ? 63.4f : -63.6f;
      std::vector<float> uneven(size);
      for (size_t i = 0; i < size; ++i)
        uneven[i] = (i % 2 == 0 ? 70.0f : 57.0f) / (1.0f + static_cast<float>(i % 3));
      for (const std::vector<float>& w : {normal, outlier, extreme, uneven}) {
        std::vector<std::byte> panel(int4_panel_bytes(k));
        pack_panel_i4(w.data(), static_cast<size_t>(k), n, k, panel.data());
        EXPECT_TRUE(is_valid_panel_i4(panel.data(), n, k)) << "n " << n << " k " << k;
        std::vector<float> row(static_cast<size_t>(k));
        for (int lane = 0; lane < n; ++lane) {
          unpack_row_i4(panel.data(), lane, k, row.data());
          // No further off than the coarsest factor allows, cut off at most where that loses less.
          const float most = static_cast<float>(kInt4MostFactor) * scale_of(panel.data(), lane);
          for (int i = 0; i < k; ++i)
            ASSERT_NEAR(row[static_cast<size_t>(i)], w[static_cast<size_t>(lane * k + i)], 2 * most)
                << "lane " << lane << " column " << i;
        }
      }
    }
}

// Better than what blocks that reach their largest value in 7 steps lose.
TEST(PanelI4, LosesLittleOfNormalWeights) {
  const int k = 512;
  const std::vector<float> w = random_values(size_t{kLanes} * k, 9);
  const std::vector<std::byte> panel = packed_panels(w, kLanes, k);
  double lost = 0;
  double plain = 0;
  double all = 0;
  std::vector<float> row(k);
  for (int lane = 0; lane < kLanes; ++lane) {
    const float* own = w.data() + static_cast<ptrdiff_t>(lane) * k;
    unpack_row_i4(panel.data(), lane, k, row.data());
    for (int block = 0; block < k; block += kInt4Block) {
      float largest = 0;
      for (int i = block; i < block + kInt4Block; ++i)
        largest = std::max(largest, std::abs(own[i]));
      for (int i = block; i < block + kInt4Block; ++i) {
        const double step = largest / 7.0;
        const double value = own[i];
        lost += std::pow(value - double{row[static_cast<size_t>(i)]}, 2);
        plain += std::pow(value - step * std::nearbyint(value / step), 2);
        all += value * value;
      }
    }
  }
  EXPECT_LT(std::sqrt(lost / all), 0.1);
  EXPECT_LT(lost, plain);
}

TEST(PanelI4, WhatIsNotFiniteMakesTheScaleNan) {
  std::vector<float> w = random_values(size_t{3} * 40, 8);
  w[45] = kInfinity;
  const std::vector<std::byte> panel = packed_panels(w, 3, 40);
  EXPECT_FALSE(std::isnan(scale_of(panel.data(), 0)));
  EXPECT_TRUE(std::isnan(scale_of(panel.data(), 1)));
  EXPECT_FALSE(is_valid_panel_i4(panel.data(), 3, 40));
}

TEST(PanelI4, WhatBreaksItsRulesIsNotValid) {
  const int k = 40;
  const std::vector<std::byte> good = packed_panels(random_values(size_t{10} * k, 8), 10, k);
  const auto valid_after = [&](size_t at, std::vector<uint8_t> bytes) {
    std::vector<std::byte> panel = good;
    std::memcpy(panel.data() + at, bytes.data(), bytes.size());
    return is_valid_panel_i4(panel.data(), 10, k);
  };
  EXPECT_TRUE(is_valid_panel_i4(good.data(), 10, k));
  EXPECT_FALSE(valid_after(0, {0, 0, 0xC0, 0x7F}));            // a scale that is NaN
  EXPECT_FALSE(valid_after(kLineBytes, {1, 2, 3, 4}));         // a wrong correction
  EXPECT_FALSE(valid_after(2 * kLineBytes, {19}));             // a factor beyond the most
  EXPECT_FALSE(valid_after(3 * kLineBytes, {0}));              // weights of -8
  EXPECT_FALSE(valid_after(3 * kLineBytes + 10 * 4, {0x99}));  // a weight in an empty lane
}

}  // namespace
}  // namespace transept
