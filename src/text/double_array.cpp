#include "text/double_array.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace transept {
namespace {

constexpr size_t kBlock = 256;
constexpr size_t kMaxUnits = size_t{1} << 28;
constexpr uint8_t kMaxFailures = 8;  // tries after which a free unit starts no search any more
constexpr uint32_t kEnd = UINT32_MAX;

}  // namespace

// Places the nodes depth first. Free units form a list in order of address; a node's children go
// to the first base, counted from the list's head, that suits all of them. A unit that has failed
// as the place of a first child a few times leaves the list, which keeps the search short.
class DoubleArrayBuilder {
 public:
  DoubleArrayBuilder(std::span<const DoubleArray::Key> keys, std::vector<uint64_t>& units)
      : keys_(keys), units_(units) {}

  void build() {
    add_block();
    take(0);
    units_[0] = DoubleArray::kLabelMask;  // a label that no byte equals
    std::vector<Task> tasks;              // a stack instead of recursion: keys may be long
    if (!keys_.empty()) tasks.push_back({0, 0, keys_.size(), 0});
    while (!tasks.empty()) {
      const Task task = tasks.back();
      tasks.pop_back();
      place_children(task, tasks);
    }
  }

 private:
  struct Task {  // the keys [begin, end) share `depth` bytes, which lead to `unit`
    uint32_t unit;
    size_t begin, end, depth;
  };

  void place_children(const Task& task, std::vector<Task>& tasks) {
    size_t begin = task.begin;
    if (keys_[begin].text.size() == task.depth) {  // the key that ends here
      units_[task.unit] |= (uint64_t(uint32_t(keys_[begin].value)) + 1) << DoubleArray::kValueShift;
      ++begin;
    }
    n_labels_ = 0;
    std::array<size_t, kBlock + 1> starts;
    for (size_t i = begin; i < task.end; ++i) {
      const auto label = static_cast<unsigned char>(keys_[i].text[task.depth]);
      if (n_labels_ > 0 && labels_[n_labels_ - 1] == label) continue;
      starts[n_labels_] = i;
      labels_[n_labels_++] = label;
    }
    if (n_labels_ == 0) return;
    starts[n_labels_] = task.end;
    const uint32_t base = find_base();
    is_base_used_[base] = true;
    units_[task.unit] |= uint64_t{base} << DoubleArray::kBaseShift;
    for (size_t k = 0; k < n_labels_; ++k) {
      const uint32_t unit = base ^ labels_[k];
      take(unit);
      units_[unit] = labels_[k];
    }
    for (size_t k = n_labels_; k-- > 0;) {
      tasks.push_back({base ^ labels_[k], starts[k], starts[k + 1], task.depth + 1});
    }
  }

  uint32_t find_base() {
    for (uint32_t unit = head_; unit != kEnd;) {
      if (fits(unit ^ labels_[0])) return unit ^ labels_[0];
      const uint32_t next = next_[unit];
      if (++failures_[unit] == kMaxFailures) unlink(unit);
      unit = next;
    }
    const auto fresh = static_cast<uint32_t>(units_.size());
    add_block();
    return fresh;
  }

  // Base 0 and its block stay unused: a childless node has base 0, where no label may match.
  [[nodiscard]] bool fits(uint32_t base) const {
    if (base < kBlock || is_base_used_[base]) return false;
    return std::all_of(labels_.begin(), labels_.begin() + n_labels_, [&](unsigned char label) {
      return (units_[base ^ label] & DoubleArray::kFree) != 0;
    });
  }

  void add_block() {
    const size_t begin = units_.size();
    check(begin + kBlock <= kMaxUnits, ErrorCode::unsupported,
          "vocabulary: more than {} trie nodes", kMaxUnits);
    units_.resize(begin + kBlock, DoubleArray::kFree);
    is_base_used_.resize(begin + kBlock, false);
    next_.resize(begin + kBlock);
    previous_.resize(begin + kBlock);
    failures_.resize(begin + kBlock, 0);
    for (auto unit = static_cast<uint32_t>(begin); unit < begin + kBlock; ++unit) {
      previous_[unit] = tail_;
      next_[unit] = kEnd;
      if (tail_ == kEnd) {
        head_ = unit;
      } else {
        next_[tail_] = unit;
      }
      tail_ = unit;
    }
  }

  void take(uint32_t unit) {
    if (failures_[unit] < kMaxFailures) unlink(unit);
  }

  void unlink(uint32_t unit) {
    const uint32_t before = previous_[unit];
    const uint32_t after = next_[unit];
    (before == kEnd ? head_ : next_[before]) = after;
    (after == kEnd ? tail_ : previous_[after]) = before;
  }

  std::span<const DoubleArray::Key> keys_;
  std::vector<uint64_t>& units_;
  std::vector<uint32_t> next_, previous_;
  std::vector<uint8_t> failures_;
  std::vector<bool> is_base_used_;
  uint32_t head_ = kEnd, tail_ = kEnd;
  std::array<unsigned char, kBlock> labels_{};
  size_t n_labels_ = 0;
};

DoubleArray::DoubleArray(std::vector<Key> keys) {
  std::erase_if(keys, [](const Key& key) { return key.text.empty(); });
  std::stable_sort(keys.begin(), keys.end(),
                   [](const Key& a, const Key& b) { return a.text < b.text; });
  size_t n_kept = 0;
  for (const Key& key : keys) {
    check(key.value >= 0 && uint64_t(uint32_t(key.value)) < kValueMask, ErrorCode::unsupported,
          "vocabulary: more than {} pieces", kValueMask);
    if (n_kept > 0 && keys[n_kept - 1].text == key.text) --n_kept;
    keys[n_kept++] = key;
  }
  keys.resize(n_kept);
  DoubleArrayBuilder(keys, units_).build();
  units_.shrink_to_fit();
}

int32_t DoubleArray::find(std::string_view text) const {
  uint64_t node = root();
  for (const char c : text) {
    if (!step(node, static_cast<unsigned char>(c))) return kNone;
  }
  return text.empty() ? kNone : value(node);
}

size_t DoubleArray::longest_prefix(std::string_view text) const {
  uint64_t node = root();
  size_t longest = 0;
  for (size_t i = 0; i < text.size() && step(node, static_cast<unsigned char>(text[i])); ++i) {
    if (value(node) != kNone) longest = i + 1;
  }
  return longest;
}

}  // namespace transept
