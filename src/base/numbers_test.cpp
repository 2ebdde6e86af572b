#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/buffer.h"
#include "base/half.h"
#include "base/hash.h"
#include "base/rng.h"

namespace transept {
namespace {

TEST(Bfloat16, RoundsToNearestEven) {
  EXPECT_EQ(to_bfloat16(1.0F), 0x3F80);
  EXPECT_EQ(to_bfloat16(1.0F + 0x1p-8F), 0x3F80);  // half way: to even
  EXPECT_EQ(to_bfloat16(1.0F + 3 * 0x1p-8F), 0x3F82);
  EXPECT_EQ(from_bfloat16(0xC020), -2.5F);
  EXPECT_TRUE(std::isnan(from_bfloat16(to_bfloat16(NAN))));
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = from_bfloat16(static_cast<uint16_t>(bits));
    EXPECT_TRUE(std::isnan(value) || to_bfloat16(value) == bits) << bits;
  }
}

TEST(Float16, EveryValueEqualsTheCompilers) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float got = from_float16(static_cast<uint16_t>(bits));
    const int exponent = static_cast<int>((bits >> 10) & 31);
    const double mantissa = bits & 1023;
    const double sign = (bits & 0x8000) != 0 ? -1 : 1;
    if (exponent == 31) {
      EXPECT_EQ(std::isnan(got), mantissa != 0);
      EXPECT_TRUE(mantissa != 0 || got == sign * INFINITY) << bits;
      continue;
    }
    const double want =
        exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1 + mantissa / 1024, exponent - 15);
    EXPECT_EQ(double{got}, sign * want);
  }
}

TEST(Float16, RoundsToNearestEven) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = from_float16(static_cast<uint16_t>(bits));
    EXPECT_TRUE(std::isnan(value) || to_float16(value) == bits) << bits;
  }
  EXPECT_EQ(to_float16(1.0F + 0x1p-11F), 0x3C00);  // half way: to even
  EXPECT_EQ(to_float16(1.0F + 3 * 0x1p-11F), 0x3C02);
  EXPECT_EQ(to_float16(0x1p-25F), 0);
  EXPECT_EQ(to_float16(3 * 0x1p-25F), 2);
  EXPECT_EQ(to_float16(-65519.0F), 0xFBFF);
  EXPECT_EQ(to_float16(65520.0F), 0x7C00);
  EXPECT_TRUE(std::isnan(from_float16(to_float16(NAN))));
}

// Known answers of the authors' Random123 distribution (kat_vectors, philox4x32 with 10 rounds).
TEST(Philox, EqualsThePublishedVectors) {
  using Words = std::array<uint32_t, 4>;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Rng, UniformStaysInRangeAndSpreads) {
  double sum = 0;
  for (uint64_t i = 0; i < 10000; ++i) {
    const double u = random_uniform(7, 3, i);
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.015);  // five standard deviations of the mean
  EXPECT_EQ(random_uniform(7, 3, 5), random_uniform(7, 3, 5));
  EXPECT_NE(random_uniform(7, 3, 5), random_uniform(7, 4, 5));
}

// XXH3 128-bit of the empty input, as the xxHash specification gives it.
TEST(Hasher, EqualsThePublishedValue) {
  Hasher hasher;
  EXPECT_EQ(hasher.hex(), "99aa06d3014798d86001c324468d497f");
  hasher.add("abc");
  const std::string whole = hasher.hex();
  Hasher pieces;
  pieces.add("a");
  pieces.add("bc");
  EXPECT_EQ(pieces.hex(), whole);
}

TEST(Buffer, IsAlignedAndZero) {
  for (const size_t size : {1UL, 100UL, 5UL << 20}) {
    Buffer buffer(size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 64, 0U);
    for (size_t i = 0; i < size; i += 4099) EXPECT_EQ(buffer.data()[i], std::byte{0});
    Buffer moved = std::move(buffer);
    EXPECT_EQ(moved.size(), size);
  }
  EXPECT_EQ(Buffer(0).data(), nullptr);
}

}  // namespace
}  // namespace transept
