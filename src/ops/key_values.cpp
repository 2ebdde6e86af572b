// Keys and values in panel layout: see attention.h.
#include <algorithm>
#include <cstring>

#include "base/half.h"
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

// Calls f with a value of the type that holds one element.
template <class F>
void with_element(DType dtype, F&& f) {
  dcheck(dtype == DType::f32 || dtype == DType::bf16);
  if (dtype == DType::bf16) return f(uint16_t{});
  f(float{});
}

void store(const float* from, size_t n, float* to) {
  std::memcpy(to, from, n * sizeof(float));
}
void store(const float* from, size_t n, uint16_t* to) {
  for (size_t i = 0; i < n; ++i) to[i] = to_bfloat16(from[i]);
}

// One row [n_heads * d_head] of keys and of values to place `index`.
template <class T>
void store_row(const Layout& layout, const float* k_row, const float* v_row, int index, T* k,
               T* v) {
  for (int h = 0; h < layout.n_heads; ++h) {
    T* key = k + layout.k_at(h, index);
    for (int d = 0; d < layout.d_head; d += kLanes) {
      const auto n = static_cast<size_t>(std::min(kLanes, layout.d_head - d));
      const ptrdiff_t at = ptrdiff_t{h} * layout.d_head + d;
      T lanes[kLanes];
      store(k_row + at, n, lanes);
      for (size_t i = 0; i < n; ++i, key += kLanes) *key = lanes[i];
      store(v_row + at, n, v + layout.v_at(h, index, d));
    }
  }
}

// Key and value `from` of one layout to place `to` of another.
template <class T>
void copy_row(const Layout& source, const T* k, const T* v, int from, const Layout& target, T* k_to,
              T* v_to, int to) {
  for (int h = 0; h < source.n_heads; ++h) {
    const T* key = k + source.k_at(h, from);
    T* key_to = k_to + target.k_at(h, to);
    for (int d = 0; d < source.d_head; ++d) {
      key_to[static_cast<size_t>(d) * kLanes] = key[static_cast<size_t>(d) * kLanes];
    }
    for (int d = 0; d < source.d_head; d += kLanes) {
      std::memcpy(v_to + target.v_at(h, to, d), v + source.v_at(h, from, d), kLanes * sizeof(T));
    }
  }
}

}  // namespace

KeyValues::KeyValues(int n_heads, int d_head, DType dtype, int capacity)
    : n_heads_(n_heads), d_head_(d_head), dtype_(dtype) {
  reserve(capacity);
}

size_t KeyValues::k_bytes() const {
  return Layout{n_heads_, d_head_, capacity_}.k_size() * size_of(dtype_);
}

KeyValues::KeyValues(const KeyValues& other)
    : n_heads_(other.n_heads_),
      d_head_(other.d_head_),
      dtype_(other.dtype_),
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
  const size_t size = size_of(dtype_);
  Buffer buffer((grown.k_size() + grown.v_size()) * size);
  for (int h = 0; length_ > 0 && h < n_heads_; ++h) {  // whole panels of keys, whole runs of values
    const auto copy = [&](size_t from, size_t to, size_t n) {
      std::memcpy(buffer.data() + to * size, buffer_.data() + from * size, n * size);
    };
    copy(now.k_at(h, 0), grown.k_at(h, 0), now.k_head());
    for (int d = 0; d < d_head_; d += kLanes) {
      copy(now.k_size() + now.v_at(h, 0, d), grown.k_size() + grown.v_at(h, 0, d),
           static_cast<size_t>(length_) * kLanes);
    }
  }
  buffer_ = std::move(buffer);
  capacity_ = grown.capacity;
}

void KeyValues::append(ConstTensor k, ConstTensor v, int begin, int end) {
  const int need = length_ + end - begin;
  if (need > capacity_) reserve(length_ == 0 ? need : std::max(need, 2 * capacity_));
  const Layout layout{n_heads_, d_head_, capacity_};
  with_element(dtype_, [&]<class T>(T) {
    T* base = buffer_.as<T>();
    for (int r = begin; r < end; ++r)
      store_row(layout, k.row(r), v.row(r), length_++, base, base + layout.k_size());
  });
}

void KeyValues::append(const KeyValues& other, int begin, int end) {
  dcheck(n_heads_ == other.n_heads_ && d_head_ == other.d_head_ && dtype_ == other.dtype_ &&
         end <= other.length_);
  reserve(length_ + end - begin);
  const Layout from{n_heads_, d_head_, other.capacity_};
  const Layout to{n_heads_, d_head_, capacity_};
  with_element(dtype_, [&]<class T>(T) {
    const T* source = other.buffer_.as<T>();
    T* target = buffer_.as<T>();
    for (int r = begin; r < end; ++r) {
      copy_row(from, source, source + from.k_size(), r, to, target, target + to.k_size(),
               length_++);
    }
  });
}

void KeyValues::truncate(int length) {
  dcheck(length <= length_);
  length_ = length;  // what lies beyond is finite and never read as a valid key
}

KeyValueView pack_keys_values(Context& c, ConstTensor k, ConstTensor v, int begin, int end,
                              int n_heads, DType dtype) {
  const int n = end - begin;
  const Layout layout{n_heads, k.cols / n_heads, round_up(n)};
  float* keys = c.arena.floats(layout.k_size());
  float* values = c.arena.floats(layout.v_size());
  uint16_t* rounded = nullptr;  // keys, then values
  if (dtype == DType::bf16) {
    rounded = reinterpret_cast<uint16_t*>(c.arena.floats((layout.k_size() + layout.v_size()) / 2));
  }
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
      if (rounded == nullptr) continue;
      const size_t k_begin = layout.k_at(h, 0);
      const size_t v_begin = layout.v_at(h, 0, 0);
      store(keys + k_begin, layout.k_head(), rounded + k_begin);
      store(values + v_begin, layout.v_head(), rounded + layout.k_size() + v_begin);
    }
  });
  if (rounded != nullptr) return {rounded, rounded + layout.k_size(), dtype, layout.capacity, n};
  return {keys, values, dtype, layout.capacity, n};
}

}  // namespace transept
