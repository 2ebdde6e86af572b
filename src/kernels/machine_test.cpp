// The measurements give numbers of a size that a machine can have, and count their work rightly.
#include "kernels/machine.h"

#include <gtest/gtest.h>

#include "kernels/kernels_testing.h"

namespace transept {
namespace {

TEST(Machine, PeakAndBandwidthArePlausible) {
  Team team(1);
  EXPECT_GT(measure_fma_peak(chosen_kernels(), team), 1e7);
  EXPECT_LT(measure_fma_peak(chosen_kernels(), team), 1e13);
  EXPECT_GT(measure_i8_peak(chosen_kernels(), team), 1e7);
  EXPECT_LT(measure_i8_peak(chosen_kernels(), team), 1e14);
  const bool has_pairs = chosen_kernels().pairs != nullptr;
  EXPECT_GE(measure_pairs_peak(chosen_kernels(), team), has_pairs ? 1e7 : 0.0);
  EXPECT_LT(measure_pairs_peak(chosen_kernels(), team), has_pairs ? 1e14 : 1e-9);
  EXPECT_GT(measure_read_bandwidth(chosen_kernels(), team, 1 << 20), 1e7);
  EXPECT_LT(measure_read_bandwidth(chosen_kernels(), team, 1 << 20), 1e13);
}

TEST(Machine, ReadingSeesEveryBlock) {
  std::vector<float> x(640, 0.0f);
  for (const KernelTable* table : tested_kernels())
    for (size_t i = 0; i < x.size(); i += 37) {
      x[i] = 3.0f;
      EXPECT_EQ(table->read_all(x.data(), x.size()), 3.0f) << table->name << " " << i;
      x[i] = 0.0f;
    }
}

}  // namespace
}  // namespace transept
