// linear_argmax finds what linear() and top_k find, to the bit, on every instruction set: also
// where many outputs are equal or almost so.
#include "ops/argmax.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/linear.h"
#include "ops/ops_testing.h"

namespace transept {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

class Argmax : public OpsTest {
 protected:
  static float* row(Weight& weight, int index) {
    return const_cast<float*>(weight.f32()) +
           static_cast<size_t>(index) * static_cast<size_t>(weight.cols);
  }
  void expect_found(Weight& weight, const Weight& bias, ConstTensor x,
                    const std::vector<Banned>& banned = {}) {
    pack(weight, pool, *GetParam());
    const Screen screen = make_screen(c, weight);
    const Tensor y = linear(c, weight, bias, x);
    for (const Banned& b : banned) y.row(b.row)[b.output] = -kInfinity;
    const std::vector<Scored> found = linear_argmax(c, weight, bias, &screen, x, banned);
    const std::vector<Scored> all = linear_argmax(c, weight, bias, nullptr, x, banned);
    ASSERT_EQ(found.size(), static_cast<size_t>(x.rows));
    std::vector<Scored> best;
    for (int r = 0; r < x.rows; ++r) {
      const auto i = static_cast<size_t>(r);
      top_k(*GetParam(), {y.row(r), static_cast<size_t>(y.cols)}, 1, best);
      EXPECT_EQ(found[i].index, best.front().index) << "row " << r;
      EXPECT_EQ(found[i].value, best.front().value) << "row " << r;
      EXPECT_EQ(all[i].index, best.front().index) << "row " << r;
    }
  }
};

TEST_P(Argmax, EqualsTheWholeProduct) {
  for (const int rows : {1, 15, 16, 17, 511, 3001})
    for (const int cols : {1, 3, 4, 33, 64}) {
      Weight weight = random_weight(rows, cols);
      const Weight bias = random_weight(1, rows);
      expect_found(weight, bias, random_tensor(7, cols));
      expect_found(weight, {}, random_tensor(1, cols));
    }
}

// In every form of panel, for any choice and order of outputs.
TEST_P(Argmax, SomeOutputsAreThoseOfTheWholeProduct) {
  for (const Storage storage : {Storage::f32, Storage::bf16, Storage::int8, Storage::int4})
    for (const int cols : {1, 6, 33}) {
      Weight weight = random_weight(75, cols);
      weight.storage = storage;
      pack(weight, pool, *GetParam());
      const Tensor x = random_tensor(3, cols);
      const Tensor whole = linear(c, weight, {}, x);
      for (const std::vector<int32_t>& rows :
           {std::vector<int32_t>{74},
            {3, 0, 16, 15},
            {1, 2, 3, 5, 8, 13, 21, 34, 55, 60, 61, 62, 63, 64, 65, 66, 67, 68}}) {
        const Tensor some = linear(c, take_outputs(weight, rows, pool), {}, x);
        for (int r = 0; r < x.rows; ++r)
          for (size_t i = 0; i < rows.size(); ++i)
            EXPECT_EQ(some.row(r)[i], whole.row(r)[rows[i]]) << name_of(storage) << " " << rows[i];
      }
    }
}

// What int8 cannot tell apart: the first of the equal ones wins, the one ahead by a last bit too.
TEST_P(Argmax, EqualAndNearlyEqualOutputs) {
  Weight weight = random_weight(600, 48);
  for (int i = 100; i < 600; ++i) std::copy_n(row(weight, 99), 48, row(weight, i));
  expect_found(weight, {}, random_tensor(20, 48));
  for (int i = 100; i < 600; i += 7) {
    float& value = row(weight, i)[i % 48];
    value = std::nextafter(value, i % 2 == 0 ? kInfinity : -kInfinity);
  }
  expect_found(weight, {}, random_tensor(20, 48));
}

TEST_P(Argmax, RowsOfVeryDifferentSize) {
  Weight weight = random_weight(900, 40);
  for (int i = 0; i < 900; ++i) {
    const float factor = std::ldexp(1.0F, i % 61 - 30);
    for (int k = 0; k < 40; ++k) row(weight, i)[k] *= factor;
  }
  row(weight, 5)[7] = 1e6F;  // one weight that dwarfs its row
  Tensor x = random_tensor(9, 40);
  for (int k = 0; k < 40; ++k) x.row(3)[k] = 0;
  x.row(4)[0] = 1e5F;
  for (int k = 0; k < 40; ++k) x.row(5)[k] *= 1e-30F;
  expect_found(weight, {}, x);
}

TEST_P(Argmax, BannedOutputsAndInputsThatAreNoNumbers) {
  Weight weight = random_weight(300, 24);
  Weight bias = random_weight(1, 300);
  for (int i = 0; i < 300; i += 2) row(bias, 0)[i] = -kInfinity;
  Tensor x = random_tensor(4, 24);
  expect_found(weight, bias, x);
  for (int i = 1; i < 300; i += 2) row(bias, 0)[i] = -kInfinity;
  expect_found(weight, bias, x);
  x.row(2)[3] = kInfinity;
  pack(weight, pool, *GetParam());
  const Screen screen = make_screen(c, weight);
  const Weight none;
  EXPECT_EQ(linear_argmax(c, weight, none, &screen, x)[0].index,
            linear_argmax(c, weight, none, nullptr, x)[0].index);
  EXPECT_EQ(linear_argmax(c, weight, none, &screen, x)[2].index,
            linear_argmax(c, weight, none, nullptr, x)[2].index);
}

// The best outputs are banned until none is left, for one row of three.
TEST_P(Argmax, BannedOutputs) {
  Weight weight = random_weight(700, 24);
  const Tensor x = random_tensor(3, 24);
  pack(weight, pool, *GetParam());
  const Tensor y = linear(c, weight, {}, x);
  std::vector<Scored> order;
  top_k(*GetParam(), {y.row(1), 700}, 700, order);
  for (const size_t n : {size_t{1}, size_t{2}, size_t{17}, size_t{600}, size_t{699}, size_t{700}}) {
    std::vector<Banned> banned{{3, 0}, {699, 2}};
    for (size_t i = 0; i < n; ++i) banned.push_back({order[i].index, 1});
    std::ranges::sort(banned);
    expect_found(weight, {}, x, banned);
  }
}

TEST_P(Argmax, AScreenIsMadeWhenItPays) {
  Weight weight = random_weight(4096, 8);
  pack(weight, pool, *GetParam());
  ScreenMaker maker;
  int asked = 0;
  while (maker.get(c, weight) == nullptr) ASSERT_LT(++asked, 100);
  EXPECT_GT(asked, 1);
  Weight few = random_weight(100, 8);
  ScreenMaker never;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(never.get(c, few), nullptr);
}

INSTANTIATE_TEST_SUITE_P(Kernels, Argmax, ::testing::ValuesIn(available_kernels()),
                         [](const auto& test) { return std::string(test.param->name); });

}  // namespace
}  // namespace transept
