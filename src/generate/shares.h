// Shares: how the rows of a step are divided among those who want some.
#pragma once

#include <span>
#include <vector>

namespace transept {

// Max-min fair: nobody gets more than it wants, and what it leaves goes to the others, in equal
// parts (Bertsekas & Gallager 1992, section 6.5.2). What does not divide goes to the first ones.
// Negative wants count as 0. The sum is the least of `total` and all that is wanted.
[[nodiscard]] std::vector<int> share_out(int total, std::span<const int> wants);

}  // namespace transept
