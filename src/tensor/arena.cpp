#include "tensor/arena.h"

#include <algorithm>

namespace transept {

float* Arena::floats(size_t count) {
  constexpr size_t kLeast = size_t{1} << 20;
  const size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
  while (block_ < blocks_.size() && used_ + bytes > blocks_[block_].size()) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    blocks_.emplace_back(
        std::max({kLeast, bytes, blocks_.empty() ? 0 : 2 * blocks_.back().size()}));
    used_ = 0;
  }
  auto* place = reinterpret_cast<float*>(blocks_[block_].data() + used_);
  used_ += bytes;
  return place;
}

size_t Arena::capacity_bytes() const {
  size_t total = 0;
  for (const Buffer& block : blocks_) total += block.size();
  return total;
}

}  // namespace transept
