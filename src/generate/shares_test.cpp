#include "generate/shares.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace transept {
namespace {

using Ints = std::vector<int>;

TEST(Shares, TheModestGetWhatTheyWant) {
  EXPECT_EQ(share_out(10, Ints{1, 100, 2}), (Ints{1, 7, 2}));
  EXPECT_EQ(share_out(10, Ints{100, 100}), (Ints{5, 5}));
  EXPECT_EQ(share_out(11, Ints{100, 3, 100}), (Ints{4, 3, 4}));
  EXPECT_EQ(share_out(5, Ints{100, 100}), (Ints{3, 2}));
  EXPECT_EQ(share_out(2, Ints{4, 4, 4}), (Ints{1, 1, 0}));
  EXPECT_EQ(share_out(100, Ints{4, 0, 5}), (Ints{4, 0, 5}));
  EXPECT_EQ(share_out(0, Ints{4}), (Ints{0}));
  EXPECT_EQ(share_out(5, Ints{}), (Ints{}));
}

TEST(Shares, AreMaxMinFair) {
  std::mt19937 random(5);
  const auto below = [&](unsigned n) { return static_cast<int>(random() % n); };
  for (int round = 0; round < 2000; ++round) {
    Ints wants(static_cast<size_t>(1 + below(9)));
    for (int& want : wants) want = below(20);
    const int total = below(90);
    const Ints shares = share_out(total, wants);
    const int wanted = std::accumulate(wants.begin(), wants.end(), 0);
    EXPECT_EQ(std::accumulate(shares.begin(), shares.end(), 0), std::min(total, wanted));
    const int most = *std::max_element(shares.begin(), shares.end());
    for (size_t i = 0; i < wants.size(); ++i) {
      EXPECT_LE(shares[i], wants[i]);
      // Who is not content has as much as anybody, but for what does not divide.
      if (shares[i] < wants[i]) {
        EXPECT_GE(shares[i], most - 1);
      }
    }
  }
}

}  // namespace
}  // namespace transept
