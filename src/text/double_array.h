// A static trie over byte strings as a double array: one memory access per byte, a value per key.
// (Aoe 1989, with the exclusive-or addressing of Darts-clone: the child of a node for byte c is at
// base ^ c. No two nodes share a base, so comparing the label is enough.)
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace transept {

class DoubleArray {
 public:
  struct Key {
    std::string_view text;
    int32_t value = 0;  // in [0, 2^27)
  };
  static constexpr int32_t kNone = -1;

  DoubleArray() : DoubleArray(std::vector<Key>{}) {}
  // Of equal keys the last one counts; empty keys are left out. Error unsupported beyond 2^28
  // units.
  explicit DoubleArray(std::vector<Key> keys);

  // Walks from `node` along byte `c`: true and the new node if there is one. The root is root().
  [[nodiscard]] bool step(uint64_t& node, unsigned char c) const {
    const uint64_t next = units_[base(node) ^ c];
    if ((next & kLabelMask) != c) return false;
    node = next;
    return true;
  }
  [[nodiscard]] uint64_t root() const { return units_[0]; }
  // The value of the key that ends at `node`, or kNone.
  [[nodiscard]] static int32_t value(uint64_t node) {
    return static_cast<int32_t>((node >> kValueShift) & kValueMask) - 1;
  }

  [[nodiscard]] int32_t find(std::string_view text) const;  // kNone if it is not a key
  // The bytes of the longest key that begins `text`; 0 if none does.
  [[nodiscard]] size_t longest_prefix(std::string_view text) const;
  [[nodiscard]] size_t size_bytes() const { return units_.size() * sizeof(uint64_t); }

 private:
  // A unit, from the low bits: label (9, 256 = free), value + 1 (27), base (28).
  static constexpr uint64_t kLabelMask = 0x1ff;
  static constexpr uint64_t kFree = 0x100;
  static constexpr int kValueShift = 9;
  static constexpr uint64_t kValueMask = (uint64_t{1} << 27) - 1;
  static constexpr int kBaseShift = 36;
  [[nodiscard]] static size_t base(uint64_t node) {
    return static_cast<size_t>(node >> kBaseShift);
  }

  friend class DoubleArrayBuilder;
  std::vector<uint64_t> units_;  // whole blocks of 256, so base ^ c is always inside
};

}  // namespace transept
