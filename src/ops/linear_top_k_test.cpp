// linear_top_k finds what linear(), top_k() and log_norm() find, to the bit, on every instruction
// set and in every form of panel.
#include "ops/linear_top_k.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "ops/linear.h"
#include "ops/ops_testing.h"

namespace transept {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

class LinearTopK : public OpsTest {
 protected:
  void expect_found(const Weight& weight, const Weight& bias, ConstTensor x,
                    const std::vector<int>& k, const std::vector<Banned>& banned = {}) {
    const KernelTable& kernels = *GetParam();
    const Tensor y = linear(c, weight, bias, x);
    const auto outputs = [&](int r) {
      return std::span<float>(y.row(r), static_cast<size_t>(y.cols));
    };
    std::vector<LogNorm> norms;
    for (int r = 0; r < x.rows; ++r) norms.push_back(log_norm(kernels, outputs(r)));
    for (const Banned& b : banned) y.row(b.row)[b.output] = -kInfinity;
    const std::vector<TopOutputs> found = linear_top_k(c, weight, bias, x, k, banned);
    ASSERT_EQ(found.size(), k.size());
    std::vector<Scored> best;
    for (size_t i = 0; i < k.size(); ++i) {
      top_k(kernels, outputs(static_cast<int>(i)), k[i], best);
      ASSERT_EQ(found[i].best.size(), best.size());
      for (size_t j = 0; j < best.size(); ++j) {
        EXPECT_EQ(found[i].best[j].index, best[j].index) << "row " << i << ", place " << j;
        EXPECT_EQ(found[i].best[j].value, best[j].value);
      }
      EXPECT_EQ(found[i].norm.largest, norms[i].largest);
      EXPECT_EQ(std::bit_cast<uint32_t>(found[i].norm.log_sum),
                std::bit_cast<uint32_t>(norms[i].log_sum));
    }
  }
};

TEST_P(LinearTopK, EqualsTheWholeProduct) {
  for (const Storage storage : {Storage::f32, Storage::bf16, Storage::int8, Storage::int4})
    for (const int rows : {1, 17, 511, 512, 513, 3001}) {
      Weight weight = random_weight(rows, 24);
      weight.storage = storage;
      pack(weight, pool, *GetParam());
      expect_found(weight, random_weight(1, rows), random_tensor(5, 24), {1, 2, 8, 64, 20});
      expect_found(weight, {}, random_tensor(1, 24), {10});
    }
}

TEST_P(LinearTopK, TheLowerOfEqualOutputsComesFirst) {
  Weight weight = random_weight(2600, 16);
  auto* values = const_cast<float*>(weight.f32());
  for (int i = 7; i < 2600; ++i) std::copy_n(values + (i % 7) * 16, 16, values + i * 16);
  pack(weight, pool, *GetParam());
  expect_found(weight, {}, random_tensor(3, 16), {3, 16, 64});
}

TEST_P(LinearTopK, BannedOutputsComeLast) {
  Weight weight = random_weight(1100, 16);
  pack(weight, pool, *GetParam());
  const Tensor x = random_tensor(2, 16);
  std::vector<Banned> banned;
  for (int i = 0; i < 1100; ++i) {
    if (i % 500 != 3) banned.push_back({i, 1});
  }
  banned.push_back({700, 0});
  std::ranges::sort(banned);
  expect_found(weight, {}, x, {5, 9}, banned);  // three of row 1 are left
}

TEST_P(LinearTopK, OutputsThatAreNoNumbers) {
  Weight weight = random_weight(1030, 16);
  pack(weight, pool, *GetParam());
  Weight bias = random_weight(1, 1030);
  auto* shift = const_cast<float*>(bias.f32());
  const Tensor x = random_tensor(1, 16);
  std::fill_n(shift, 512, -kInfinity);
  expect_found(weight, bias, x, {6});
  std::fill_n(shift, 1030, -kInfinity);
  expect_found(weight, bias, x, {6});
  shift[600] = kInfinity;
  expect_found(weight, bias, x, {6});
  shift[3] = std::numeric_limits<float>::quiet_NaN();
  shift[601] = 1;
  const auto found = linear_top_k(c, weight, bias, x, std::vector<int>{2});
  EXPECT_EQ(found[0].best[0].index, 600);
  EXPECT_EQ(found[0].best[1].index, 601);
  EXPECT_TRUE(std::isnan(found[0].norm.log_sum));
}

INSTANTIATE_TEST_SUITE_P(Kernels, LinearTopK, ::testing::ValuesIn(available_kernels()),
                         [](const auto& test) { return std::string(test.param->name); });

}  // namespace
}  // namespace transept
