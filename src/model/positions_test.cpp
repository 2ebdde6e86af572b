#include "model/positions.h"

#include <gtest/gtest.h>

#include <cmath>

namespace transept {
namespace {

// Vaswani et al. 2017, section 3.5: sin and cos of pos / 10000^(2i/d); Marian keeps sines and
// cosines apart.
TEST(Sinusoids, HalvesHoldThePapersNumbers) {
  for (const int d : {6, 7}) {
    std::vector<float> row(static_cast<size_t>(d));
    Sinusoids(Positions::sinusoid_halves, d).row(11, row.data());
    const int sines = (d + 1) / 2;
    for (int i = 0; i < sines; ++i) {
      const double angle = 11 / std::pow(10000.0, 2.0 * i / d);
      EXPECT_FLOAT_EQ(row[static_cast<size_t>(i)], static_cast<float>(std::sin(angle)));
      if (i < d / 2) {
        EXPECT_FLOAT_EQ(row[static_cast<size_t>(sines + i)], static_cast<float>(std::cos(angle)));
      }
    }
  }
}

// Raffel et al. 2020, section 2.1, with T5's 32 buckets up to 128: the decoder looks back only.
TEST(RelativeBucket, SmallDistancesHaveBucketsOfTheirOwn) {
  for (int far = 0; far < 16; ++far) EXPECT_EQ(relative_bucket(-far, false, 32, 128), far);
  for (int far = 0; far < 8; ++far) {
    EXPECT_EQ(relative_bucket(-far, true, 32, 128), far);
    EXPECT_EQ(relative_bucket(far, true, 32, 128), far == 0 ? 0 : 16 + far);
  }
  EXPECT_EQ(relative_bucket(3, false, 32, 128), 0);  // the future: masked anyway
}

TEST(RelativeBucket, GrowsWithDistanceAndSaturates) {
  int before = 0;
  for (int far = 0; far < 1000; ++far) {
    const int bucket = relative_bucket(-far, false, 32, 128);
    EXPECT_GE(bucket, before);
    EXPECT_LT(bucket, 32);
    before = bucket;
  }
  EXPECT_EQ(relative_bucket(-128, false, 32, 128), 31);
  EXPECT_EQ(relative_bucket(1 << 20, true, 32, 128), 31);
}

}  // namespace
}  // namespace transept
