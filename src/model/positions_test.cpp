#include "model/positions.h"

#include <gtest/gtest.h>

#include <cmath>

namespace transept {
namespace {

// Vaswani et al. 2017, section 3.5: PE(pos, 2i) = sin(pos / 10000^(2i/d)), PE(pos, 2i+1) = cos(the
// same).
TEST(Sinusoids, InterleavedEqualsThePaper) {
  float row[6];
  Sinusoids(Positions::sinusoid_interleaved, 6).row(5, row);
  for (int i = 0; i < 3; ++i) {
    const double angle = 5 / std::pow(10000.0, 2.0 * i / 6);
    EXPECT_FLOAT_EQ(row[2 * i], static_cast<float>(std::sin(angle)));
    EXPECT_FLOAT_EQ(row[2 * i + 1], static_cast<float>(std::cos(angle)));
  }
}

TEST(Sinusoids, HalvesAreTheSameNumbersRearranged) {
  for (const int d : {6, 7}) {
    std::vector<float> halves(static_cast<size_t>(d));
    std::vector<float> interleaved(static_cast<size_t>(d));
    Sinusoids(Positions::sinusoid_halves, d).row(11, halves.data());
    Sinusoids(Positions::sinusoid_interleaved, d).row(11, interleaved.data());
    const int sines = (d + 1) / 2;
    for (int i = 0; i < d; ++i) {
      EXPECT_EQ(interleaved[static_cast<size_t>(i)],
                halves[static_cast<size_t>(i % 2 == 0 ? i / 2 : sines + i / 2)]);
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
