// Laws of the int8 product: exact integers, the same bits everywhere.
#include "kernels/int8.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/kernels_testing.h"

namespace transept {
namespace {

struct Case {
  int m, n, k;
  int lda_extra = 0, ldy_extra = 0;
  bool has_bias = false;
  bool extreme = false;  // weights and activations at their limits
};

std::vector<std::byte> packed_panels(const std::vector<float>& w, int n, int k) {
  return pack_panels(w, n, k, int8_panel_bytes(k), pack_panel_i8);
}

class Data {
 public:
  explicit Data(const Case& c)
      : c_(c),
        lda_(int8_row_bytes(c.k) + static_cast<size_t>(c.lda_extra)),
        ldy_(static_cast<size_t>(c.n + c.ldy_extra)),
        w_(random_values(static_cast<size_t>(c.n) * static_cast<size_t>(c.k), 2)),
        bias_(random_values(static_cast<size_t>(c.n), 3)),
        a_(static_cast<size_t>(c.m) * lda_),
        scale_(static_cast<size_t>(c.m)) {
    std::vector<float> x = random_values(static_cast<size_t>(c.m) * static_cast<size_t>(c.k), 1);
    if (c.extreme) {
      for (float& v : w_) v = v < 0 ? -1.0f : 1.0f;
      for (size_t i = 0; i < x.size(); ++i) x[i] = i % 7 == 0 ? -1.0f : 1.0f;
    }
    packed_ = packed_panels(w_, c.n, c.k);
    for (int r = 0; r < c.m; ++r)
      reference_kernels().quantize_row(x.data() + static_cast<size_t>(r) * static_cast<size_t>(c.k),
                                       c.k, a_.data() + static_cast<size_t>(r) * lda_,
                                       &scale_[static_cast<size_t>(r)]);
  }

  std::vector<float> run(const KernelTable& table, int row, int m, int begin, int end) const {
    std::vector<float> y(static_cast<size_t>(c_.m) * ldy_, kUntouched);
    const GemmI8 g{.a = a_.data() + static_cast<size_t>(row) * lda_,
                   .lda = lda_,
                   .a_scale = scale_.data() + row,
                   .packed = packed_.data(),
                   .y = y.data() + static_cast<size_t>(row) * ldy_,
                   .ldy = ldy_,
                   .m = m,
                   .n = c_.n,
                   .k = c_.k,
                   .bias = c_.has_bias ? bias_.data() : nullptr};
    table.gemm_i8(g, begin, end);
    return y;
  }
  std::vector<float> run(const KernelTable& table) const {
    return run(table, 0, c_.m, 0, panels_for(c_.n));
  }
  float at(const std::vector<float>& y, int row, int column) const {
    return y[static_cast<size_t>(row) * ldy_ + static_cast<size_t>(column)];
  }

  // In exact integers.
  float formula(int row, int column) const {
    const std::byte* panel =
        packed_.data() + static_cast<size_t>(column / kLanes) * int8_panel_bytes(c_.k);
    std::vector<float> w(static_cast<size_t>(c_.k));
    unpack_row_i8(panel, column % kLanes, c_.k, w.data());
    float scale = 0.0f;
    std::memcpy(&scale, panel + static_cast<size_t>(column % kLanes) * 4, sizeof scale);
    int64_t sum = 0;
    for (size_t i = 0; i < w.size(); ++i)
      sum += (int64_t{a_[static_cast<size_t>(row) * lda_ + i]} - 128) * std::llround(w[i] / scale);
    const float y = static_cast<float>(sum) * (scale_[static_cast<size_t>(row)] * scale);
    return c_.has_bias ? y + bias_[static_cast<size_t>(column)] : y;
  }

 private:
  Case c_;
  size_t lda_, ldy_;
  std::vector<float> w_, bias_;
  std::vector<std::byte> packed_;
  std::vector<uint8_t> a_;
  std::vector<float> scale_;
};

TEST(GemmI8, SameBitsOnEveryInstructionSet) {
  for (int m = 1; m <= 13; ++m)
    for (const int n : {1, 15, 16, 17, 33, 64, 65, 95, 130})
      for (const int k : {1, 2, 3, 7, 33, 64})
        for (const bool loose : {false, true}) {
          const Data data({m, n, k, loose ? 4 : 0, loose ? 5 : 0, loose});
          SCOPED_TRACE(testing::Message() << "m " << m << " n " << n << " k " << k);
          expect_same_on_all([&](const KernelTable& table) { return data.run(table); });
        }
  // Around whole tiles of 16 rows and 64 columns, and of two panels.
  for (const int m : {8, 15, 16, 17, 31, 32, 33, 49, 65})
    for (const int n : {16, 31, 33, 48})
      for (const int k : {60, 63, 64, 65, 127, 128, 196}) {
        const Data data({m, n, k, k % 2 == 0 ? 8 : 0, m % 2, n != 16});
        SCOPED_TRACE(testing::Message() << "m " << m << " n " << n << " k " << k);
        expect_same_on_all([&](const KernelTable& table) { return data.run(table); });
      }
  for (const Case& c : {Case{1, 321, 2049}, Case{5, 100, 1537}, Case{67, 81, 1030}}) {
    const Data data(c);
    expect_same_on_all([&](const KernelTable& table) { return data.run(table); });
  }
}

TEST(GemmI8, IsExactEvenAtTheLimits) {
  for (const Case& c :
       {Case{3, 20, 37, 0, 1, true}, Case{7, 40, 1000}, Case{5, 33, 515, 0, 0, false, true},
        Case{2, 16, 65536, 0, 0, false, true}, Case{9, 16, 65536, 0, 0, false, true}}) {
    const Data data(c);
    for (const KernelTable* table : tested_kernels()) {
      const std::vector<float> y = data.run(*table);
      for (int row = 0; row < c.m; ++row)
        for (int column = 0; column < c.n; ++column)
          ASSERT_EQ(data.at(y, row, column), data.formula(row, column)) << table->name;
    }
  }
}

TEST(GemmI8, NeitherNeighbourRowsNorPanelRangesMatter) {
  const Case c{.m = 11, .n = 130, .k = 77, .lda_extra = 4, .ldy_extra = 2};
  const Data data(c);
  expect_parts_equal_the_whole(data, c.m, c.n);
}

TEST(QuantizeRow, SameBytesOnEveryInstructionSet) {
  for (const int k : odd_sizes())
    for (const float spread : {1.0f, 1e-30f, 1e30f, 1e-37f}) {
      std::vector<float> x = random_values(static_cast<size_t>(k), 4, spread);
      if (k > 3) x[3] = 40.0f * spread;
      expect_same_on_all([&](const KernelTable& table) {
        std::vector<uint8_t> q(int8_row_bytes(k) + 1, 7);
        std::vector<float> result(1);
        table.quantize_row(x.data(), k, q.data(), result.data());
        result.insert(result.end(), q.begin(), q.end());
        return result;
      });
    }
}

TEST(QuantizeRow, IsTheNearestInteger) {
  const std::vector<float> x{127.0f, -127.0f, 0.0f, -0.0f, 1.4f, -1.6f, 2.5f, 3.5f, 63.4f};
  for (const KernelTable* table : tested_kernels()) {
    std::vector<uint8_t> q(12);
    float scale = 0.0f;
    table->quantize_row(x.data(), 9, q.data(), &scale);
    EXPECT_EQ(scale, 1.0f);
    EXPECT_EQ(q, (std::vector<uint8_t>{255, 1, 128, 128, 129, 126, 130, 132, 191, 128, 128, 128}));
  }
}

TEST(QuantizeRow, WhatIsNotFiniteMakesTheScaleNanAndNothingMakesItZero) {
  for (const KernelTable* table : tested_kernels())
    for (const float value : {kNan, kInfinity, -kInfinity, 0.0f, 1e-40f}) {
      std::vector<float> x(40, 0.0f);
      x[17] = value;
      std::vector<uint8_t> q(40);
      float scale = 5.0f;
      table->quantize_row(x.data(), 40, q.data(), &scale);
      EXPECT_EQ(std::isnan(scale), !std::isfinite(value)) << table->name;
      if (std::isfinite(value)) {
        EXPECT_EQ(scale, 0.0f);
      }
      EXPECT_EQ(q, std::vector<uint8_t>(40, 128));
    }
}

TEST(PanelI8, KeepsItsLimitsAndTheNearestValues) {
  for (const int n : {1, 7, 16})
    for (const int k : {1, 2, 5, 64, 301}) {
      std::vector<float> w = random_values(static_cast<size_t>(n) * static_cast<size_t>(k), 8);
      if (k > 4) w[4] = 30.0f;
      std::vector<std::byte> panel(int8_panel_bytes(k));
      pack_panel_i8(w.data(), static_cast<size_t>(k), n, k, panel.data());
      EXPECT_TRUE(is_valid_panel_i8(panel.data(), n, k));
      std::vector<float> row(static_cast<size_t>(k));
      for (int lane = 0; lane < n; ++lane) {
        unpack_row_i8(panel.data(), lane, k, row.data());
        float scale = 0.0f;
        std::memcpy(&scale, panel.data() + lane * 4, sizeof scale);
        for (int i = 0; i < k; ++i)
          EXPECT_NEAR(row[static_cast<size_t>(i)], w[static_cast<size_t>(lane * k + i)],
                      0.5001f * scale);
      }
    }
}

TEST(PanelI8, WhatBreaksItsRulesIsNotValid) {
  const int k = 12;
  const std::vector<float> w = random_values(size_t{10} * k, 8);
  std::vector<std::byte> good(int8_panel_bytes(k));
  pack_panel_i8(w.data(), static_cast<size_t>(k), 10, k, good.data());
  const auto valid_after = [&](size_t at, std::vector<uint8_t> bytes) {
    std::vector<std::byte> panel = good;
    std::memcpy(panel.data() + at, bytes.data(), bytes.size());
    return is_valid_panel_i8(panel.data(), 10, k);
  };
  EXPECT_FALSE(valid_after(0, {0, 0, 0xC0, 0x7F}));      // a scale that is NaN
  EXPECT_FALSE(valid_after(0, {0, 0, 0x80, 0xBF}));      // negative
  EXPECT_FALSE(valid_after(64, {1, 2, 3, 4}));           // a wrong correction
  EXPECT_FALSE(valid_after(kInt8Header, {100, 100}));    // neighbours beyond the limit
  EXPECT_FALSE(valid_after(kInt8Header + 10 * 4, {1}));  // a weight in an empty lane
}

}  // namespace
}  // namespace transept
