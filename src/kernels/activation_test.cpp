// Laws of the element-wise kernels.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/kernels_testing.h"

namespace transept {
namespace {

double formula(ActivationKind kind, double x) {
  switch (kind) {
    case ActivationKind::relu:
      return x > 0.0 ? x : 0.0;
    case ActivationKind::gelu_erf:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case ActivationKind::gelu_tanh:
      return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / M_PI) * (x + 0.044715 * x * x * x)));
    case ActivationKind::silu:
      return x / (1.0 + std::exp(-x));
    case ActivationKind::tanh:
      return std::tanh(x);
  }
  return x;
}

// Values of all magnitudes, both signs.
std::vector<float> sweep() {
  std::vector<float> values{0.0f, -0.0f};
  for (float x = 1e-30f; x < 1e30f; x *= 1.37f)
    for (const float sign : {1.0f, -1.0f}) values.push_back(sign * x);
  for (int i = -120000; i <= 120000; ++i) values.push_back(static_cast<float>(i) * 1e-4f);
  return values;
}

std::vector<float> activated(const KernelTable& table, ActivationKind kind,
                             const std::vector<float>& x) {
  std::vector<float> y(x.size());
  table.activate(kind, x.data(), static_cast<int64_t>(x.size()), y.data());
  return y;
}

TEST(Activate, SameBitsOnEveryInstructionSet) {
  const std::vector<float> values = sweep();
  for (const ActivationKind kind : kKinds) {
    SCOPED_TRACE(static_cast<int>(kind));
    expect_same_on_all([&](const KernelTable& table) { return activated(table, kind, values); });
  }
}

TEST(Activate, EqualsTheFormula) {
  const std::vector<float> values = sweep();
  for (const ActivationKind kind : kKinds) {
    const std::vector<float> y = activated(reference_kernels(), kind, values);
    double worst = 0.0;
    for (size_t i = 0; i < values.size(); ++i) {
      const double exact = formula(kind, static_cast<double>(values[i]));
      const double error = std::abs(y[i] - exact) / (std::abs(exact) + 0.1);
      worst = std::max(worst, error);
      // A few units in the last place; below 0.1 in magnitude, of 0.1.
      ASSERT_LE(error, 4e-7) << static_cast<int>(kind) << " at " << values[i];
    }
    RecordProperty("worst_relative_error_e9_" + std::to_string(static_cast<int>(kind)),
                   static_cast<int>(worst * 1e9));
  }
}

TEST(Activate, TailsAndSpecialValues) {
  for (const KernelTable* table : tested_kernels()) {
    for (const ActivationKind kind : kKinds) {
      const std::vector<float> y = activated(*table, kind, {kNan, 1e30f, 0.0f, -100.0f});
      EXPECT_TRUE(std::isnan(y[0])) << table->name;
      EXPECT_EQ(y[1], kind == ActivationKind::tanh ? 1.0f : 1e30f);
      EXPECT_EQ(y[2], 0.0f);
      EXPECT_NEAR(y[3], kind == ActivationKind::tanh ? -1.0f : 0.0f, 1e-37);
    }
    const std::vector<float> y = activated(*table, ActivationKind::tanh, {kInfinity, -kInfinity});
    EXPECT_EQ(y, (std::vector<float>{1.0f, -1.0f}));
  }
}

TEST(ElementWise, SameBitsOnEveryInstructionSet) {
  for (const int n : odd_sizes()) {
    const std::vector<float> x = random_values(static_cast<size_t>(n) + 1, 1, 3.0f);
    const std::vector<float> y = random_values(x.size(), 2, 3.0f);
    const auto run = [&](auto&& call) {
      expect_same_on_all([&](const KernelTable& table) {
        std::vector<float> z(x.size() + 1, kUntouched);
        call(table, &z[1]);
        EXPECT_EQ(z.front(), kUntouched);
        EXPECT_EQ(z.back(), kUntouched);
        return z;
      });
    };
    run([&](const KernelTable& t, float* z) { t.add(&x[1], &y[1], n, z); });
    run([&](const KernelTable& t, float* z) { t.multiply(&x[1], &y[1], n, z); });
    run([&](const KernelTable& t, float* z) { t.scale(&x[1], 0.3f, n, z); });
    run([&](const KernelTable& t, float* z) { t.scale_add(&x[1], 0.3f, &y[1], n, z); });
    for (const ActivationKind kind : kKinds) {
      run([&](const KernelTable& t, float* z) { t.activate(kind, &x[1], n, z); });
      run([&](const KernelTable& t, float* z) { t.activate_gated(kind, &x[1], &y[1], n, z); });
    }
  }
}

TEST(ElementWise, EqualTheirFormulasInPlace) {
  const std::vector<float> x = random_values(37, 1), y = random_values(37, 2);
  for (const KernelTable* table : tested_kernels()) {
    std::vector<float> sum = x, scaled = x, both = x, gated = x;
    table->add(sum.data(), y.data(), 37, sum.data());
    table->scale(scaled.data(), 0.7f, 37, scaled.data());
    table->scale_add(both.data(), 0.7f, y.data(), 37, both.data());
    table->activate_gated(ActivationKind::relu, gated.data(), y.data(), 37, gated.data());
    for (size_t i = 0; i < x.size(); ++i) {
      EXPECT_EQ(sum[i], x[i] + y[i]);
      EXPECT_EQ(scaled[i], x[i] * 0.7f);
      EXPECT_EQ(both[i], std::fma(x[i], 0.7f, y[i]));
      EXPECT_EQ(gated[i], (x[i] > 0.0f ? x[i] : 0.0f) * y[i]);
    }
  }
}

}  // namespace
}  // namespace transept
