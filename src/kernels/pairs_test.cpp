// Products of bf16 pairs: every instruction set against the scalar twin, and the twin against the
// formula in double precision.
#include "kernels/pairs.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/half.h"
#include "kernels/kernels_testing.h"

namespace transept {
namespace {

size_t sized(int n) {
  return static_cast<size_t>(n);
}

std::vector<const KernelTable*> with_pairs() {
  std::vector<const KernelTable*> tables;
  for (const KernelTable* table : available_kernels())
    if (table->pairs != nullptr) tables.push_back(table);
  return tables;
}

enum class Source { rows, columns };

std::vector<uint16_t> packed(PackPairs pack, Source from, const std::vector<float>& source,
                             int count, int k) {
  std::vector<uint16_t> blocks(pair_values(count, k), 0xFFFF);
  const int parts = from == Source::rows ? panels_for(count) : pair_blocks(k);
  const int ld = from == Source::rows ? k : count;
  pack(source.data(), sized(ld), count, k, blocks.data(), 0, parts / 2);  // in two calls
  pack(source.data(), sized(ld), count, k, blocks.data(), parts / 2, parts);
  return blocks;
}

TEST(Pairs, PackingIsTheSameOnEveryInstructionSet) {
  for (const int count : {1, 7, 16, 17, 40})
    for (const int k : {1, 2, 31, 32, 33, 100}) {
      const std::vector<float> values = random_values(sized(count * k), 1);
      const PairKernels& twin = reference_pairs();
      for (const KernelTable* table : with_pairs()) {
        SCOPED_TRACE(table->name);
        const PairKernels& own = *table->pairs;
        EXPECT_EQ(packed(own.left_rows, Source::rows, values, count, k),
                  packed(twin.left_rows, Source::rows, values, count, k));
        EXPECT_EQ(packed(own.right_rows, Source::rows, values, count, k),
                  packed(twin.right_rows, Source::rows, values, count, k));
        EXPECT_EQ(packed(own.left_columns, Source::columns, values, count, k),
                  packed(twin.left_columns, Source::columns, values, count, k));
        EXPECT_EQ(packed(own.right_columns, Source::columns, values, count, k),
                  packed(twin.right_columns, Source::columns, values, count, k));
      }
    }
}

struct Product {
  int m, n, k;
  std::vector<uint16_t> left, right;
  std::vector<float> bias, before;

  Product(int rows, int outputs, int inner)
      : m(rows),
        n(outputs),
        k(inner),
        left(packed(reference_pairs().left_rows, Source::rows, random_values(sized(m * k), 1), m,
                    k)),
        right(packed(reference_pairs().right_rows, Source::rows, random_values(sized(n * k), 2), n,
                     k)),
        bias(random_values(sized(n), 3)),
        before(random_values(sized(m * n), 4)) {}

  [[nodiscard]] std::vector<float> with(const PairKernels& kernels, bool accumulate,
                                        bool shift) const {
    std::vector<float> y = before;
    GemmPairs g{.left = left.data(),
                .right = right.data(),
                .y = y.data(),
                .ldy = sized(n),
                .m = m,
                .n = n,
                .k = k,
                .bias = shift ? bias.data() : nullptr,
                .accumulate = accumulate};
    const int strip = panels_for(m) / 2;  // in four parts
    const int panel = panels_for(n) / 2;
    kernels.gemm(g, 0, strip, 0, panel);
    kernels.gemm(g, strip, panels_for(m), 0, panel);
    kernels.gemm(g, 0, strip, panel, panels_for(n));
    kernels.gemm(g, strip, panels_for(m), panel, panels_for(n));
    return y;
  }

  // The sums in double precision, and the sums of magnitudes that rounding errors are relative to.
  void formula(std::vector<double>& sums, std::vector<double>& sizes) const {
    const std::vector<float> a = random_values(sized(m * k), 1);
    const std::vector<float> b = random_values(sized(n * k), 2);
    const auto rounded = [](float x) { return double{from_bfloat16(to_bfloat16(x))}; };
    for (int r = 0; r < m; ++r)
      for (int j = 0; j < n; ++j) {
        double sum = 0;
        double size = 0;
        for (int i = 0; i < k; ++i) {
          const double product = rounded(a[sized(r * k + i)]) * rounded(b[sized(j * k + i)]);
          sum += product;
          size += std::abs(product);
        }
        sums.push_back(sum);
        sizes.push_back(size);
      }
  }
};

void expect_near_formula(const Product& p, const PairKernels& kernels) {
  std::vector<double> sums;
  std::vector<double> sizes;
  p.formula(sums, sizes);
  const std::vector<float> plain = p.with(kernels, false, false);
  const std::vector<float> shifted = p.with(kernels, false, true);
  const std::vector<float> added = p.with(kernels, true, false);
  for (size_t i = 0; i < sums.size(); ++i) {
    // k roundings of at most 2^-24 of what has been added up so far, and some to spare.
    const double tolerance = (sizes[i] + 4) * (p.k + 8) * std::ldexp(1.0, -24);
    ASSERT_NEAR(plain[i], sums[i], tolerance) << p.m << " " << p.n << " " << p.k << " at " << i;
    ASSERT_NEAR(shifted[i], sums[i] + p.bias[i % sized(p.n)], tolerance);
    ASSERT_NEAR(added[i], sums[i] + p.before[i], tolerance);
  }
}

TEST(Pairs, ProductsAreTheFormula) {
  for (const int m : {1, 15, 16, 17, 33, 70})
    for (const int n : {1, 16, 31, 48, 70})
      for (const int k : {1, 3, 32, 65}) {
        const Product product(m, n, k);
        expect_near_formula(product, reference_pairs());
        for (const KernelTable* table : with_pairs()) {
          SCOPED_TRACE(table->name);
          expect_near_formula(product, *table->pairs);
        }
      }
  const Product longest(20, 20, 2100);  // more than one part of the inner dimension
  for (const KernelTable* table : with_pairs()) expect_near_formula(longest, *table->pairs);
}

// The sums of a row do not depend on how many other rows and outputs are computed with it.
TEST(Pairs, CompanyDoesNotMatter) {
  for (const KernelTable* table : with_pairs()) {
    SCOPED_TRACE(table->name);
    const int k = 1100;
    const Product all(50, 60, k);
    const std::vector<float> y = all.with(*table->pairs, false, true);
    Product some = all;
    some.m = 16;
    some.n = 16;
    const std::vector<float> own = some.with(*table->pairs, false, true);
    for (int r = 0; r < 16; ++r)
      for (int j = 0; j < 16; ++j)
        ASSERT_EQ(own[sized(r * 16 + j)], y[sized(r * 60 + j)]) << r << " " << j;
  }
}

}  // namespace
}  // namespace transept
