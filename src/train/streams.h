// What random numbers are drawn for: each purpose has its own stream of the counter-based generator
// (base/rng.h), so that none can shift another.
#pragma once

#include <cstdint>

namespace transept {

enum class Stream : uint64_t { weights = 1, examples = 2, batches = 3 };

[[nodiscard]] constexpr uint64_t stream_of(Stream purpose, int64_t index) {
  return (static_cast<uint64_t>(purpose) << 56) | static_cast<uint64_t>(index);
}

}  // namespace transept
