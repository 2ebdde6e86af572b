// Keys and values in panel layout: see attention.h.
#include <algorithm>
#include <cstring>

#include "ops/attention.h"

namespace transept {
namespace {

constexpr int round_up(int n) {
  return panels_for(n) * kLanes;
}

struct Layout {
  int n_heads;
  int d_head;
  int capacity;

  [[nodiscard]] size_t k_head() const {
    return static_cast<size_t>(panels_for(capacity)) * kLanes * static_cast<size_t>(d_head);
  }
  [[nodiscard]] size_t v_head() const {
    return static_cast<size_t>(panels_for(d_head)) * kLanes * static_cast<size_t>(capacity);
  }
  [[nodiscard]] size_t k_size() const { return static_cast<size_t>(n_heads) * k_head(); }
  [[nodiscard]] size_t v_size() const { return static_cast<size_t>(n_heads) * v_head(); }
  // Element d of key `index` is at k_at(...) + d * 16; element d of a value is at v_at(..., d).
  [[nodiscard]] size_t k_at(int head, int index) const {
    return static_cast<size_t>(head) * k_head() +
           static_cast<size_t>(index / kLanes) * kLanes * static_cast<size_t>(d_head) +
           static_cast<size_t>(index % kLanes);
  }
  [[nodiscard]] size_t v_at(int head, int index, int d) const {
    return static_cast<size_t>(head) * v_head() +
           (static_cast<size_t>(d / kLanes) * static_cast<size_t>(capacity) +
            static_cast<size_t>(index)) *
               kLanes +
           static_cast<size_t>(d % kLanes);
  }
};

// One row [n_heads * d_head] of keys and of values to place `index`.
void store_row(const Layout& layout, const float* k_row, const float* v_row, int index, float* k,
               float* v) {
  for (int h = 0; h < layout.n_heads; ++h) {
    const auto head = static_cast<size_t>(h) * static_cast<size_t>(layout.d_head);
    float* key = k + layout.k_at(h, index);
    for (int d = 0; d < layout.d_head; ++d)
      key[static_cast<size_t>(d) * kLanes] = k_row[head + static_cast<size_t>(d)];
    for (int d = 0; d < layout.d_head; d += kLanes) {
      const int n = std::min(kLanes, layout.d_head - d);
      std::memcpy(v + layout.v_at(h, index, d), v_row + head + static_cast<size_t>(d),
                  static_cast<size_t>(n) * sizeof(float));
    }
  }
}

// Key and value `from` of one layout to place `to` of another.
void copy_row(const Layout& source, const float* k, const float* v, int from, const Layout& target,
              float* k_to, float* v_to, int to) {
  for (int h = 0; h < source.n_heads; ++h) {
    const float* key = k + source.k_at(h, from);
    float* key_to = k_to + target.k_at(h, to);
    for (int d = 0; d < source.d_head; ++d) {
      key_to[static_cast<size_t>(d) * kLanes] = key[static_cast<size_t>(d) * kLanes];
    }
    for (int d = 0; d < source.d_head; d += kLanes) {
      std::memcpy(v_to + target.v_at(h, to, d), v + source.v_at(h, from, d),
                  kLanes * sizeof(float));
    }
  }
}

}  // namespace

KeyValues::KeyValues(int n_heads, int d_head, int capacity) : n_heads_(n_heads), d_head_(d_head) {
  reserve(capacity);
}

size_t KeyValues::k_size() const {
  return Layout{n_heads_, d_head_, capacity_}.k_size();
}
size_t KeyValues::v_size() const {
  return Layout{n_heads_, d_head_, capacity_}.v_size();
}

KeyValues::KeyValues(const KeyValues& other)
    : n_heads_(other.n_heads_),
      d_head_(other.d_head_),
      capacity_(other.capacity_),
      length_(other.length_),
      buffer_(other.buffer_.size()) {
  if (buffer_.size() > 0) std::memcpy(buffer_.data(), other.buffer_.data(), buffer_.size());
}

KeyValues& KeyValues::operator=(const KeyValues& other) {
  if (this != &other) *this = KeyValues(other);
  return *this;
}

void KeyValues::reserve(int capacity) {
  if (capacity <= capacity_) return;
  const Layout now{n_heads_, d_head_, capacity_};
  const Layout grown{n_heads_, d_head_, round_up(capacity)};
  Buffer buffer((grown.k_size() + grown.v_size()) * sizeof(float));
  auto* k = buffer.as<float>();
  const auto* old = buffer_.as<float>();
  for (int h = 0; length_ > 0 && h < n_heads_; ++h) {  // whole panels of keys, whole runs of values
    const size_t head = static_cast<size_t>(h);
    std::memcpy(k + head * grown.k_head(), old + head * now.k_head(), now.k_head() * sizeof(float));
    for (int d = 0; d < d_head_; d += kLanes) {
      std::memcpy(k + grown.k_size() + grown.v_at(h, 0, d), old + now.k_size() + now.v_at(h, 0, d),
                  static_cast<size_t>(length_) * kLanes * sizeof(float));
    }
  }
  buffer_ = std::move(buffer);
  capacity_ = grown.capacity;
}

void KeyValues::append(ConstTensor k, ConstTensor v, int begin, int end) {
  const int need = length_ + end - begin;
  if (need > capacity_) reserve(length_ == 0 ? need : std::max(need, 2 * capacity_));
  const Layout layout{n_heads_, d_head_, capacity_};
  auto* base = buffer_.as<float>();
  for (int r = begin; r < end; ++r) {
    store_row(layout, k.row(r), v.row(r), length_++, base, base + layout.k_size());
  }
}

void KeyValues::append(const KeyValues& other, int begin, int end) {
  dcheck(n_heads_ == other.n_heads_ && d_head_ == other.d_head_ && end <= other.length_);
  reserve(length_ + end - begin);
  const Layout from{n_heads_, d_head_, other.capacity_};
  const Layout to{n_heads_, d_head_, capacity_};
  const auto* source = other.buffer_.as<float>();
  auto* target = buffer_.as<float>();
  for (int r = begin; r < end; ++r) {
    copy_row(from, source, source + from.k_size(), r, to, target, target + to.k_size(), length_++);
  }
}

void KeyValues::truncate(int length) {
  dcheck(length <= length_);
  length_ = length;  // what lies beyond is finite and never read as a valid key
}

KeyValueView pack_keys_values(Context& c, ConstTensor k, ConstTensor v, int begin, int end,
                              int n_heads) {
  const int n = end - begin;
  const Layout layout{n_heads, k.cols / n_heads, round_up(n)};
  float* keys = c.arena.floats(layout.k_size());
  float* values = c.arena.floats(layout.v_size());
  c.pool.parallel_for(n_heads, n > 64 ? 1 : n_heads, [&](int64_t first, int64_t last) {
    for (int h = static_cast<int>(first); h < static_cast<int>(last); ++h) {
      const int offset = h * layout.d_head;
      c.kernels.pack_f32(k.row(begin) + offset, static_cast<size_t>(k.cols), n, layout.d_head,
                         keys + layout.k_at(h, 0), 0, panels_for(n));
      for (int d = 0; d < layout.d_head; d += kLanes) {
        const int lanes = std::min(kLanes, layout.d_head - d);
        for (int r = 0; r < n; ++r) {
          float* to = values + layout.v_at(h, r, d);
          std::memcpy(to, v.row(begin + r) + offset + d,
                      static_cast<size_t>(lanes) * sizeof(float));
          std::fill(to + lanes, to + kLanes, 0.F);
        }
      }
    }
  });
  return {keys, values, layout.capacity, n};
}

}  // namespace transept
