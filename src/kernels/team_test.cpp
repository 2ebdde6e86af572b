#include "kernels/team.h"

#include <gtest/gtest.h>

namespace transept {
namespace {

TEST(Team, EveryThreadWorksOnceAndAllAtOnce) {
  for (const int n : {1, 2, 4}) {
    Team team(n);
    std::vector<int> calls(static_cast<size_t>(n));
    std::atomic<int> together{0};
    for (int round = 1; round <= 50; ++round) {
      team.run([&](int thread) {
        ++calls[static_cast<size_t>(thread)];
        ++together;
        while (together < round * n) std::this_thread::yield();  // for ever, were one missing
      });
      EXPECT_EQ(calls, std::vector<int>(static_cast<size_t>(n), round));
    }
  }
}

}  // namespace
}  // namespace transept
