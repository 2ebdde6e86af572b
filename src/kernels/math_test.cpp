// The accuracy of exp, tanh and the normal distribution against double precision, in units in the
// last place. The same source makes every table, and the other tests hold the tables to the same
// bits.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "kernels/inl.h"
#include "kernels/kernels_testing.h"

namespace transept {
namespace {

#include "kernels/scalar.inl"

#include "kernels/math.inl"

// The error of `value` in units in the last place of a float near `exact`.
double error_in_units(float value, double exact) {
  if (std::abs(exact) > 0x1.fffffep127) return std::isinf(value) ? 0.0 : 1e9;
  const double unit =
      exact == 0.0 ? 0x1p-149 : std::max(std::ldexp(1.0, std::ilogb(exact) - 23), 0x1p-149);
  return std::abs(static_cast<double>(value) - exact) / unit;
}

// The worst error over all floats in [low, high], every `step`-th of them.
template <class F, class Exact>
double worst_error(float low, float high, uint32_t step, F f, Exact exact) {
  double worst = 0.0;
  for (const float sign : {1.0f, -1.0f})
    for (uint32_t bits = 0; bits < 0x7F800000u; bits += step) {
      const float x = sign * std::bit_cast<float>(bits);
      if (x < low || x > high) continue;
      worst = std::max(worst, error_in_units(f(x), exact(static_cast<double>(x))));
    }
  return worst;
}

constexpr uint32_t kStep = 997;  // two million floats of each sign

TEST(Math, ExpIsWithinTwoUnits) {
  const double worst = worst_error(
      -200.0f, 100.0f, kStep, [](float x) { return exp_of(x); },
      [](double x) { return std::exp(x); });
  RecordProperty("units", std::to_string(worst));
  EXPECT_LE(worst, 2.0);
  EXPECT_EQ(exp_of(0.0f), 1.0f);
  EXPECT_EQ(exp_of(-kInfinity), 0.0f);
  EXPECT_EQ(exp_of(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(exp_of(kNan)));
}

TEST(Math, TanhIsWithinFourUnits) {
  const double worst = worst_error(
      -1e30f, 1e30f, kStep, [](float x) { return tanh_of(x); },
      [](double x) { return std::tanh(x); });
  RecordProperty("units", std::to_string(worst));
  EXPECT_LE(worst, 4.0);
  EXPECT_TRUE(std::isnan(tanh_of(kNan)));
}

TEST(Math, NormalTailIsRelativelyExact) {
  double worst = 0.0;
  for (float a = 0.0f; a < 4.0f; a += 1e-5f) {
    const double exact = 0.5 * std::erfc(static_cast<double>(a) / std::sqrt(2.0));
    worst = std::max(worst, std::abs(static_cast<double>(normal_tail(a)) / exact - 1.0));
  }
  RecordProperty("error", std::to_string(worst * 1e9));
  EXPECT_LE(worst, 1e-6);
  EXPECT_EQ(normal_tail(15.0f), 0.0f);
}

}  // namespace
}  // namespace transept
