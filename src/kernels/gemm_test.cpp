// Laws of the matrix product and of packing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/half.h"
#include "kernels/kernels_testing.h"

namespace transept {
namespace {

struct GemmCase {
  int m, n, k;
  int lda_extra = 0, ldy_extra = 0, panel_extra = 0;
  bool has_bias = false;
};

class GemmData {
 public:
  explicit GemmData(const GemmCase& c)
      : c_(c),
        lda_(static_cast<size_t>(c.k + c.lda_extra)),
        ldy_(static_cast<size_t>(c.n + c.ldy_extra)),
        stride_(static_cast<size_t>(c.k + c.panel_extra) * kLanes),
        a_(random_values(static_cast<size_t>(c.m) * lda_ + 1, 1)),
        w_(random_values(static_cast<size_t>(c.n) * static_cast<size_t>(c.k), 2)),
        bias_(random_values(static_cast<size_t>(c.n), 3)),
        packed_(static_cast<size_t>(panels_for(c.n)) * stride_, kNan) {
    std::vector<float> dense(static_cast<size_t>(panels_for(c.n)) * static_cast<size_t>(c.k) *
                             kLanes);
    reference_kernels().pack_f32(w_.data(), static_cast<size_t>(c.k), c.n, c.k, dense.data(), 0,
                                 panels_for(c.n));
    const size_t panel = static_cast<size_t>(c.k) * kLanes;
    for (size_t p = 0; p < static_cast<size_t>(panels_for(c.n)); ++p)
      std::copy_n(dense.begin() + static_cast<ptrdiff_t>(p * panel), panel,
                  packed_.begin() + static_cast<ptrdiff_t>(p * stride_));
  }

  // y of the rows [row, row + m) and panels [begin, end); everything else is kUntouched.
  std::vector<float> run(const KernelTable& table, int row, int m, int begin, int end) const {
    std::vector<float> y(static_cast<size_t>(c_.m) * ldy_ + 1, kUntouched);
    const GemmF32 g{.a = a_.data() + 1 + static_cast<size_t>(row) * lda_,  // unaligned on purpose
                    .lda = lda_,
                    .packed = packed_.data(),
                    .panel_stride = stride_,
                    .y = y.data() + 1 + static_cast<size_t>(row) * ldy_,
                    .ldy = ldy_,
                    .m = m,
                    .n = c_.n,
                    .k = c_.k,
                    .bias = c_.has_bias ? bias_.data() : nullptr};
    table.gemm_f32(g, begin, end);
    return y;
  }

  std::vector<float> run(const KernelTable& table) const {
    return run(table, 0, c_.m, 0, panels_for(c_.n));
  }

  // The formula in double precision, and the sum of magnitudes that bounds rounding.
  std::pair<double, double> formula(int row, int column) const {
    double sum = c_.has_bias ? static_cast<double>(bias_[static_cast<size_t>(column)]) : 0.0;
    double size = std::abs(sum);
    for (int i = 0; i < c_.k; ++i) {
      const double product =
          static_cast<double>(a_[1 + static_cast<size_t>(row) * lda_ + static_cast<size_t>(i)]) *
          static_cast<double>(
              w_[static_cast<size_t>(column) * static_cast<size_t>(c_.k) + static_cast<size_t>(i)]);
      sum += product;
      size += std::abs(product);
    }
    return {sum, size};
  }
  float at(const std::vector<float>& y, int row, int column) const {
    return y[1 + static_cast<size_t>(row) * ldy_ + static_cast<size_t>(column)];
  }

 private:
  GemmCase c_;
  size_t lda_, ldy_, stride_;
  std::vector<float> a_, w_, bias_, packed_;
};

TEST(Gemm, SameBitsOnEveryInstructionSet) {
  for (int m = 1; m <= 13; ++m)
    for (const int n : {1, 15, 16, 17, 33, 64, 65, 95, 130})
      for (const int k : {0, 1, 2, 7, 33, 64})
        for (const bool loose : {false, true}) {
          const GemmData data({.m = m,
                               .n = n,
                               .k = k,
                               .lda_extra = loose ? 3 : 0,
                               .ldy_extra = loose ? 5 : 0,
                               .panel_extra = loose ? 9 : 0,
                               .has_bias = loose});
          SCOPED_TRACE(testing::Message() << "m " << m << " n " << n << " k " << k);
          expect_same_on_all([&](const KernelTable& table) { return data.run(table); });
        }
}

TEST(Gemm, LongSumsAndManyRowsToo) {
  for (const GemmCase& c : {GemmCase{1, 321, 2049}, GemmCase{5, 100, 1537}, GemmCase{67, 81, 1030},
                            GemmCase{131, 200, 65}}) {
    const GemmData data(c);
    expect_same_on_all([&](const KernelTable& table) { return data.run(table); });
  }
}

TEST(Gemm, EqualsTheFormula) {
  for (const GemmCase& c : {GemmCase{3, 20, 37, 2, 1, 4, true}, GemmCase{7, 40, 1000}}) {
    const GemmData data(c);
    for (const KernelTable* table : tested_kernels()) {
      const std::vector<float> y = data.run(*table);
      for (int row = 0; row < c.m; ++row)
        for (int column = 0; column < c.n; ++column) {
          const auto [sum, size] = data.formula(row, column);
          // k + 1 roundings of at most half a unit each: (k + 1) * 2^-24 of the magnitudes.
          EXPECT_NEAR(data.at(y, row, column), sum, (c.k + 1) * 0x1p-24 * size) << table->name;
        }
    }
  }
}

TEST(Gemm, NeitherNeighbourRowsNorPanelRangesMatter) {
  const GemmCase c{.m = 13, .n = 130, .k = 77, .lda_extra = 1, .ldy_extra = 2, .panel_extra = 3};
  const GemmData data(c);
  expect_parts_equal_the_whole(data, c.m, c.n);
}

// `narrow` keeps a value, `widen` says what it stands for; `gemm` multiplies what is kept.
template <class W, class Narrow, class Widen, class Gemm>
void expect_product_of_widened(Narrow&& narrow, Widen&& widen, Gemm&& gemm) {
  for (int m = 1; m <= 13; ++m)
    for (const int n : {1, 16, 33, 65, 130})
      for (const int k : {1, 7, 64, 1030}) {
        const size_t panel = static_cast<size_t>(k) * kLanes;
        std::vector<float> w = random_values(static_cast<size_t>(panels_for(n)) * panel, 2);
        std::vector<W> narrowed;
        for (float& v : w) {
          narrowed.push_back(narrow(v));
          v = widen(narrowed.back());
        }
        const std::vector<float> a =
            random_values(static_cast<size_t>(m) * static_cast<size_t>(k), 1);
        const std::vector<float> bias = random_values(static_cast<size_t>(n), 3);
        std::vector<float> expected(static_cast<size_t>(m * n));
        GemmF32 g{a.data(),
                  static_cast<size_t>(k),
                  w.data(),
                  panel,
                  expected.data(),
                  static_cast<size_t>(n),
                  m,
                  n,
                  k,
                  bias.data()};
        reference_kernels().gemm_f32(g, 0, panels_for(n));
        for (const KernelTable* table : tested_kernels()) {
          std::vector<float> y(expected.size());
          g.y = y.data();
          gemm(*table, g, narrowed.data(), panels_for(n));
          EXPECT_TRUE(same_bits(y, expected)) << table->name << " m " << m << " n " << n;
        }
      }
}

TEST(GemmBf16, IsTheProductOfTheWidenedWeights) {
  expect_product_of_widened<uint16_t>(
      to_bfloat16, from_bfloat16,
      [](const KernelTable& table, const GemmF32& g, const uint16_t* packed, int panels) {
        table.gemm_bf16(g, packed, 0, panels);
      });
}

TEST(GemmF32ByI8, IsTheProductOfTheIntegers) {
  expect_product_of_widened<int8_t>(
      [](float v) { return static_cast<int8_t>(std::lround(std::clamp(v * 60, -127.0f, 127.0f))); },
      [](int8_t v) { return static_cast<float>(v); },
      [](const KernelTable& table, const GemmF32& g, const int8_t* packed, int panels) {
        table.gemm_f32_by_i8(g, packed, 0, panels);
      });
}

TEST(Pack, LaneOfPanelHoldsItsRow) {
  for (const int n : {1, 15, 16, 17, 40})
    for (const int k : {1, 7, 8, 9, 31, 64, 100}) {
      const size_t ld = static_cast<size_t>(k) + 3;
      const std::vector<float> source = random_values(static_cast<size_t>(n) * ld, 5);
      for (const KernelTable* table : tested_kernels()) {
        std::vector<float> packed(static_cast<size_t>(panels_for(n) * k * kLanes), kUntouched);
        for (int p = 0; p < panels_for(n); ++p)
          table->pack_f32(source.data(), ld, n, k, packed.data(), p, p + 1);
        for (int row = 0; row < panels_for(n) * kLanes; ++row)
          for (int i = 0; i < k; ++i) {
            const float expected =
                row < n ? source[static_cast<size_t>(row) * ld + static_cast<size_t>(i)] : 0.0f;
            const int at = (row / kLanes * k + i) * kLanes + row % kLanes;
            ASSERT_EQ(packed[static_cast<size_t>(at)], expected) << table->name;
          }
      }
    }
}

}  // namespace
}  // namespace transept
