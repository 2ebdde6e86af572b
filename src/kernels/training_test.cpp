// Laws of the kernels that only training needs: the same bits on every instruction set, and the
// formula in double precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/kernels_testing.h"

namespace transept {
namespace {

size_t sized(int n) {
  return static_cast<size_t>(n);
}

TEST(TransposedProduct, SameBitsOnEveryInstructionSetAndTheFormula) {
  for (const int m : {1, 5, 6, 7, 13, 48})
    for (const int n : {1, 15, 16, 33, 70})
      for (const int k : {1, 3, 31, 64}) {
        const std::vector<float> a = random_values(sized(k * m), 1);  // [k, m]
        const std::vector<float> b = random_values(sized(k * n), 2);  // [k, n]
        const std::vector<float> before = random_values(sized(m * n), 3);
        const auto run = [&](const KernelTable& table) {
          std::vector<float> packed(sized(panels_for(n) * kLanes * k));
          std::vector<float> strips(sized(strips_for(m) * kStripRows * k));
          table.pack_columns_f32(b.data(), sized(n), n, k, packed.data(), 0, panels_for(n));
          table.pack_strips_f32(a.data(), sized(m), m, k, strips.data());
          std::vector<float> y = before;
          const GemmF32 g{.a = strips.data(),
                          .lda = 0,
                          .packed = packed.data(),
                          .panel_stride = sized(k * kLanes),
                          .y = y.data(),
                          .ldy = sized(n),
                          .m = m,
                          .n = n,
                          .k = k,
                          .bias = nullptr,
                          .accumulate = true};
          table.gemm_strips_f32(g, 0, panels_for(n));
          return y;
        };
        expect_same_on_all(run);
        const std::vector<float> y = run(reference_kernels());
        for (int r = 0; r < m; ++r)
          for (int j = 0; j < n; ++j) {
            double sum = before[sized(r * n + j)];
            for (int i = 0; i < k; ++i) sum += double{a[sized(i * m + r)]} * b[sized(i * n + j)];
            EXPECT_NEAR(y[sized(r * n + j)], sum, 1e-5);
          }
      }
}

TEST(NormBackward, SameBitsOnEveryInstructionSet) {
  for (const int n : odd_sizes())
    for (const bool centred : {false, true})
      expect_same_on_all([&](const KernelTable& table) {
        const std::vector<float> x = random_values(sized(n), 1, 2.0f);
        const std::vector<float> gain = random_values(sized(n), 2);
        const std::vector<float> dy = random_values(sized(n), 3);
        std::vector<float> out = random_values(sized(3 * n), 4);
        const float stats[2] = {centred ? 0.25f : 0.0f, 0.75f};
        table.norm_backward(x.data(), gain.data(), dy.data(), stats, centred, n, out.data(),
                            &out[sized(n)], &out[sized(2 * n)]);
        return out;
      });
}

TEST(SoftmaxBackward, SameBitsOnEveryInstructionSet) {
  for (const int n : odd_sizes()) {
    const std::vector<float> p = random_values(sized(n), 1);
    expect_same_on_all([&](const KernelTable& table) {
      std::vector<float> dp = random_values(sized(n), 2);
      table.softmax_backward(p.data(), n, dp.data());
      return dp;
    });
    expect_same_on_all([&](const KernelTable& table) {
      std::vector<float> x = random_values(sized(n), 3, 4.0f);
      table.softmax_gradient(1.5f, 2.25f, 0.5f, 0.01f, n, x.data());
      return x;
    });
  }
}

double activation(ActivationKind kind, double x) {
  switch (kind) {
    case ActivationKind::relu:
      return std::max(0.0, x);
    case ActivationKind::gelu_erf:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    case ActivationKind::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    case ActivationKind::silu:
      return x / (1 + std::exp(-x));
    case ActivationKind::tanh:
      return std::tanh(x);
  }
  return 0;
}

TEST(ActivateBackward, EqualsCentralDifferencesWithTheSameBitsEverywhere) {
  for (const ActivationKind kind : kKinds) {
    std::vector<float> x = random_values(1003, 1, 3.0f);
    x[0] = 0.0f;
    x[1] = 1e-42f;
    x[2] = -80.0f;
    x[3] = 80.0f;
    const std::vector<float> up = random_values(x.size(), 2);
    const std::vector<float> dy = random_values(x.size(), 3);
    const auto size = static_cast<int64_t>(x.size());
    const auto plain = [&](const KernelTable& table) {
      std::vector<float> d = dy;
      table.activate_backward(kind, x.data(), d.data(), size, d.data());
      return d;
    };
    expect_same_on_all(plain);
    expect_same_on_all([&](const KernelTable& table) {
      std::vector<float> d(2 * x.size());
      std::copy(dy.begin(), dy.end(), d.begin());
      table.activate_gated_backward(kind, x.data(), up.data(), d.data(), size, &d[x.size()],
                                    d.data());
      return d;
    });
    const std::vector<float> d = plain(reference_kernels());
    for (size_t i = 2; i < x.size(); ++i) {
      if (kind == ActivationKind::relu && std::abs(x[i]) < 1e-4f) continue;
      const double h = 1e-5;
      const double slope = (activation(kind, x[i] + h) - activation(kind, x[i] - h)) / (2 * h);
      EXPECT_NEAR(d[i], slope * dy[i], 3e-6 * (1 + std::abs(dy[i]))) << x[i];
    }
  }
}

TEST(DropoutKernel, SameBitsOnEveryInstructionSetAndTheRightShare) {
  const DropoutRow row{.key = {1, 2},
                       .place = 3,
                       .example = 4,
                       .position = 5,
                       .threshold = 6554,
                       .scale = 65536.0f / (65536.0f - 6554.0f)};
  for (const int n : odd_sizes())
    expect_same_on_all([&](const KernelTable& table) {
      std::vector<float> x = random_values(sized(n) + 1, 1);
      x.back() = kUntouched;
      table.dropout(row, x.data(), n, x.data());
      EXPECT_EQ(x.back(), kUntouched);
      return x;
    });
  std::vector<float> x(100000, 1.0f);
  reference_kernels().dropout(row, x.data(), static_cast<int>(x.size()), x.data());
  EXPECT_NEAR(static_cast<double>(std::count(x.begin(), x.end(), 0.0f)), 10000,
              400);  // 4 standard deviations
}

TEST(Sums, SameBitsOnEveryInstructionSet) {
  for (const int n : odd_sizes())
    expect_same_on_all([&](const KernelTable& table) {
      const std::vector<float> x = random_values(sized(3 * n), 1);
      std::vector<float> y = random_values(sized(n), 2);
      table.add_rows(x.data(), sized(n), 3, n, y.data());
      y.push_back(table.sum(x.data(), n));
      y.push_back(table.sum_squares(x.data(), n));
      return y;
    });
}

TEST(AdamW, SameBitsOnEveryInstructionSetAndTheFormula) {
  const AdamWStep step{.gradient_scale = 0.5f,
                       .beta1 = 0.9f,
                       .beta2 = 0.98f,
                       .eps = 1e-6f,
                       .keep = 0.999f,
                       .rate = 0.01f,
                       .square_scale = 1.25f};
  for (const int n : odd_sizes()) {
    const std::vector<float> g = random_values(sized(n), 1);
    const std::vector<float> start = random_values(sized(3 * n), 2);
    const auto run = [&](const KernelTable& table) {
      std::vector<float> all = start;
      for (int i = 2 * n; i < 3 * n; ++i) all[sized(i)] = std::abs(all[sized(i)]);
      table.adamw(step, g.data(), n, all.data(), &all[sized(n)], all.data() + 2 * n);
      table.move_average(0.25f, g.data(), n, all.data());
      return all;
    };
    expect_same_on_all(run);
    const std::vector<float> all = run(reference_kernels());
    for (int i = 0; i < n; ++i) {
      const double d = 0.5 * g[sized(i)];
      const double m = 0.9 * start[sized(n + i)] + 0.1 * d;
      const double v = 0.98 * std::abs(start[sized(2 * n + i)]) + 0.02 * d * d;
      const double p = 0.999 * start[sized(i)] - 0.01 * m / (1.25 * std::sqrt(v) + 1e-6);
      EXPECT_NEAR(all[sized(i)], 0.75 * p + 0.25 * g[sized(i)], 2e-6);
      EXPECT_NEAR(all[sized(n + i)], m, 1e-6);
    }
  }
}

}  // namespace
}  // namespace transept
