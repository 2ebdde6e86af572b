// Helpers of the kernel tests: seeded values, and the law that every table gives the same bits.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "kernels/kernels.h"

namespace transept {

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
inline constexpr float kUntouched = -12345.0f;  // in memory that a kernel must leave alone
inline constexpr ActivationKind kKinds[] = {ActivationKind::relu, ActivationKind::gelu_erf,
                                            ActivationKind::gelu_tanh, ActivationKind::silu,
                                            ActivationKind::tanh};

// Every length around the widths of vectors, and some long ones.
[[nodiscard]] inline std::vector<int> odd_sizes() {
  std::vector<int> sizes;
  for (int n = 1; n <= 67; ++n) sizes.push_back(n);
  for (const int n : {127, 511, 1000}) sizes.push_back(n);
  return sizes;
}

[[nodiscard]] inline std::vector<float> random_values(size_t n, unsigned seed,
                                                      float spread = 1.0f) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0.0f, spread);
  std::vector<float> values(n);
  for (float& v : values) v = normal(engine);
  return values;
}

// Rows w [n, k] as panels of so many bytes, each by pack(rows, stride, how many of 16, k, panel).
template <class Pack>
[[nodiscard]] std::vector<std::byte> pack_panels(const std::vector<float>& w, int n, int k,
                                                 size_t bytes, Pack&& pack) {
  const auto cols = static_cast<size_t>(k);
  std::vector<std::byte> packed(static_cast<size_t>(panels_for(n)) * bytes);
  for (int p = 0; p < panels_for(n); ++p)
    pack(w.data() + static_cast<size_t>(p) * kLanes * cols, cols, std::min(kLanes, n - p * kLanes),
         k, packed.data() + static_cast<size_t>(p) * bytes);
  return packed;
}

// Equal to the bit, except that a NaN may carry any payload.
[[nodiscard]] inline ::testing::AssertionResult same_bits(const std::vector<float>& a,
                                                          const std::vector<float>& b) {
  if (a.size() != b.size()) return ::testing::AssertionFailure() << "sizes differ";
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (std::bit_cast<uint32_t>(a[i]) != std::bit_cast<uint32_t>(b[i]))
      return ::testing::AssertionFailure() << "[" << i << "]: " << a[i] << " and " << b[i];
  }
  return ::testing::AssertionSuccess();
}

// The AVX-512 tables compiled for an emulation of their intrinsics; none where that is not
// available.
[[nodiscard]] std::vector<const KernelTable*> emulated_kernels();

// Every table this machine can run, and the emulated ones.
[[nodiscard]] inline const std::vector<const KernelTable*>& tested_kernels() {
  static const std::vector<const KernelTable*> tables = [] {
    std::vector<const KernelTable*> list = available_kernels();
    for (const KernelTable* table : emulated_kernels()) list.push_back(table);
    return list;
  }();
  return tables;
}

// Runs `call(table)` -> values on every table and expects the reference's bits.
template <class Call>
void expect_same_on_all(Call&& call) {
  const std::vector<float> expected = call(reference_kernels());
  for (const KernelTable* table : tested_kernels())
    EXPECT_TRUE(same_bits(call(*table), expected)) << table->name;
}

// data.run(table, row, m, begin, end) computes rows [row, row + m) and panels [begin, end) of an
// [m, n] product; what it gives there must be what it gives in the whole, and nothing else written.
template <class Data>
void expect_parts_equal_the_whole(const Data& data, int rows, int n) {
  for (const KernelTable* table : tested_kernels()) {
    const std::vector<float> all = data.run(*table);
    for (int m = 1; m < rows; ++m)
      for (int row = 0; row + m <= rows; row += 3)
        for (int begin = 0; begin < panels_for(n); begin += 2) {
          const int end = std::min(begin + 1 + row % 5, panels_for(n));
          const std::vector<float> part = data.run(*table, row, m, begin, end);
          for (int i = 0; i < rows; ++i)
            for (int j = 0; j < n; ++j) {
              const bool inside =
                  i >= row && i < row + m && j >= begin * kLanes && j < end * kLanes;
              ASSERT_EQ(data.at(part, i, j), inside ? data.at(all, i, j) : kUntouched);
            }
        }
  }
}

}  // namespace transept
