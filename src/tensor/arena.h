// Arena: scratch memory by bumping a pointer. Reused from call to call; a Frame gives back what its
// scope took.
#pragma once

#include <cstddef>
#include <vector>

#include "base/buffer.h"
#include "tensor/tensor.h"

namespace transept {

class Arena {
 public:
  // Releases, at the end of its scope, everything allocated since it was made. Unless it `keeps`
  // everything, for a tape that will need it.
  class Frame {
   public:
    explicit Frame(Arena& arena, bool keeps = false)
        : arena_(arena), block_(arena.block_), used_(arena.used_), keeps_(keeps) {}
    ~Frame() {
      if (keeps_) return;
      arena_.block_ = block_;
      arena_.used_ = used_;
    }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;

   private:
    Arena& arena_;
    size_t block_;
    size_t used_;
    bool keeps_;
  };

  // 64-byte aligned, not initialised. Valid until the enclosing Frame ends or clear().
  [[nodiscard]] float* floats(size_t count);
  [[nodiscard]] Tensor tensor(int rows, int cols) {
    return {floats(static_cast<size_t>(rows) * static_cast<size_t>(cols)), rows, cols};
  }
  void clear() {
    block_ = 0;
    used_ = 0;
  }
  // Gives back all memory. No Frame may be open.
  void release() {
    blocks_.clear();
    clear();
  }
  [[nodiscard]] size_t capacity_bytes() const;

 private:
  std::vector<Buffer> blocks_;
  size_t block_ = 0;  // the block in use
  size_t used_ = 0;   // bytes of it
};

}  // namespace transept
