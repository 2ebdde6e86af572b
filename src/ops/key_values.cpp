// Keys and values in panel layout: see attention.h.
#include <algorithm>
#include <cstring>
#include <type_traits>
#include <vector>

#include "base/half.h"
#include "kernels/int8.h"
#include "ops/attention.h"
#include "ops/shape.h"

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
  // Scales of keys, and as many of values.
  [[nodiscard]] size_t scales() const {
    return static_cast<size_t>(n_heads) * static_cast<size_t>(capacity);
  }
  [[nodiscard]] size_t scale_at(int head, int index) const {
    return static_cast<size_t>(head) * static_cast<size_t>(capacity) + static_cast<size_t>(index);
  }
  [[nodiscard]] size_t bytes(Storage storage) const {
    return (k_size() + v_size()) * size_of_value(storage) +
           (storage == Storage::int8 ? 2 * scales() * sizeof(float) : 0);
  }

  [[nodiscard]] static size_t size_of_value(Storage storage) {
    return storage == Storage::f32 ? 4 : storage == Storage::bf16 ? 2 : 1;
  }
};

// The parts of a block of Layout::bytes(): keys, values, scales of keys, of values.
template <class T>
struct Parts {
  using Scale = std::conditional_t<std::is_const_v<T>, const float, float>;

  T* k;
  T* v;
  Scale* k_scale;  // int8 only; beyond the block where there are none
  Scale* v_scale;

  template <class Byte>
  Parts(const Layout& layout, Byte* block)
      : k(reinterpret_cast<T*>(block)),
        v(k + layout.k_size()),
        k_scale(reinterpret_cast<Scale*>(v + layout.v_size())),
        v_scale(k_scale + layout.scales()) {}
};

// Calls f with a value of the type that holds one element.
template <class F>
void with_element(Storage storage, F&& f) {
  dcheck(storage != Storage::int4);
  if (storage == Storage::int8) return f(int8_t{});
  if (storage == Storage::bf16) return f(uint16_t{});
  f(float{});
}

void narrow(const float* from, size_t n, float* to) {
  std::memcpy(to, from, n * sizeof(float));
}
void narrow(const float* from, size_t n, uint16_t* to) {
  for (size_t i = 0; i < n; ++i) to[i] = to_bfloat16(from[i]);
}
void narrow(const uint8_t* from, size_t n, int8_t* to) {  // what quantize_row made
  for (size_t i = 0; i < n; ++i) to[i] = static_cast<int8_t>(from[i] ^ 0x80U);
}

// Puts a head's part of rows of keys and of values to their places.
template <class T>
class Storer {
 public:
  static constexpr bool kScaled = std::is_same_v<T, int8_t>;

  Storer(const KernelTable& kernels, const Layout& layout, const Parts<T>& parts)
      : kernels_(kernels), layout_(layout), parts_(parts) {
    if (kScaled) bytes_.resize(int8_row_bytes(layout.d_head));
  }

  void store(const float* k_row, const float* v_row, int head, int index) {
    const ptrdiff_t at = ptrdiff_t{head} * layout_.d_head;
    T* key = parts_.k + layout_.k_at(head, index);
    each_lanes(k_row + at, parts_.k_scale, head, index, [&](int, const T* lanes, size_t n) {
      for (size_t i = 0; i < n; ++i, key += kLanes) *key = lanes[i];
    });
    each_lanes(v_row + at, parts_.v_scale, head, index, [&](int d, const T* lanes, size_t n) {
      std::memcpy(parts_.v + layout_.v_at(head, index, d), lanes, n * sizeof(T));
    });
  }

 private:
  // Calls f(d, values, n) for each n <= 16 values of [d_head], as they are kept, from d on.
  template <class F>
  void each_lanes(const float* from, float* scales, int head, int index, F&& f) {
    if constexpr (kScaled) {
      kernels_.quantize_row(from, layout_.d_head, bytes_.data(),
                            scales + layout_.scale_at(head, index));
    }
    for (int d = 0; d < layout_.d_head; d += kLanes) {
      const auto n = static_cast<size_t>(std::min(kLanes, layout_.d_head - d));
      T lanes[kLanes];
      if constexpr (kScaled) {
        narrow(bytes_.data() + d, n, lanes);
      } else {
        narrow(from + d, n, lanes);
      }
      f(d, lanes, n);
    }
  }

  const KernelTable& kernels_;
  Layout layout_;
  Parts<T> parts_;
  std::vector<uint8_t> bytes_;  // kScaled: a head's part of a row
};

// Key and value `from` of one layout to place `to` of another.
template <class T>
void copy_row(const Layout& source, const Parts<const T>& given, int from, const Layout& target,
              const Parts<T>& taken, int to) {
  for (int h = 0; h < source.n_heads; ++h) {
    const T* key = given.k + source.k_at(h, from);
    T* key_to = taken.k + target.k_at(h, to);
    for (int d = 0; d < source.d_head; ++d) {
      key_to[static_cast<size_t>(d) * kLanes] = key[static_cast<size_t>(d) * kLanes];
    }
    for (int d = 0; d < source.d_head; d += kLanes) {
      std::memcpy(taken.v + target.v_at(h, to, d), given.v + source.v_at(h, from, d),
                  kLanes * sizeof(T));
    }
    if constexpr (std::is_same_v<T, int8_t>) {
      taken.k_scale[target.scale_at(h, to)] = given.k_scale[source.scale_at(h, from)];
      taken.v_scale[target.scale_at(h, to)] = given.v_scale[source.scale_at(h, from)];
    }
  }
}

KeyValueView view_of(const Layout& layout, Storage storage, const std::byte* block, int length) {
  KeyValueView view;
  with_element(storage, [&]<class T>(T) {
    const Parts<const T> parts(layout, block);
    view = {.k = parts.k,
            .v = parts.v,
            .storage = storage,
            .n_heads = layout.n_heads,
            .d_head = layout.d_head,
            .capacity = layout.capacity,
            .length = length};
    if (storage == Storage::int8) {
      view.k_scale = parts.k_scale;
      view.v_scale = parts.v_scale;
    }
  });
  return view;
}

}  // namespace

KeyValues::KeyValues(int n_heads, int d_head, Storage storage, int capacity)
    : n_heads_(n_heads), d_head_(d_head), storage_(storage) {
  reserve(capacity);
}

KeyValueView KeyValues::view() const {
  return view_of({n_heads_, d_head_, capacity_}, storage_, buffer_.data(), length_);
}

KeyValues::KeyValues(const KeyValues& other)
    : n_heads_(other.n_heads_),
      d_head_(other.d_head_),
      storage_(other.storage_),
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
  Buffer buffer(grown.bytes(storage_));
  with_element(storage_, [&]<class T>(T) {  // whole panels of keys, whole runs of values
    const Parts<const T> from(now, buffer_.data());
    const Parts<T> to(grown, buffer.data());
    const auto n = static_cast<size_t>(length_);
    for (int h = 0; length_ > 0 && h < n_heads_; ++h) {
      std::memcpy(to.k + grown.k_at(h, 0), from.k + now.k_at(h, 0), now.k_head() * sizeof(T));
      for (int d = 0; d < d_head_; d += kLanes) {
        std::memcpy(to.v + grown.v_at(h, 0, d), from.v + now.v_at(h, 0, d), n * kLanes * sizeof(T));
      }
      if constexpr (std::is_same_v<T, int8_t>) {
        std::copy_n(from.k_scale + now.scale_at(h, 0), n, to.k_scale + grown.scale_at(h, 0));
        std::copy_n(from.v_scale + now.scale_at(h, 0), n, to.v_scale + grown.scale_at(h, 0));
      }
    }
  });
  buffer_ = std::move(buffer);
  capacity_ = grown.capacity;
}

void KeyValues::append(const KernelTable& kernels, ConstTensor k, ConstTensor v, int begin,
                       int end) {
  check_shape(k.cols == n_heads_ * d_head_ && v.cols == k.cols && 0 <= begin && begin <= end &&
                  end <= std::min(k.rows, v.rows),
              k, v, "KeyValues::append");
  const int need = length_ + end - begin;
  if (need > capacity_) reserve(length_ == 0 ? need : std::max(need, 2 * capacity_));
  const Layout layout{n_heads_, d_head_, capacity_};
  with_element(storage_, [&]<class T>(T) {
    Storer<T> storer(kernels, layout, Parts<T>(layout, buffer_.data()));
    for (int r = begin; r < end; ++r, ++length_) {
      for (int h = 0; h < n_heads_; ++h) storer.store(k.row(r), v.row(r), h, length_);
    }
  });
}

void KeyValues::append(const KeyValues& other, int begin, int end) {
  check(n_heads_ == other.n_heads_ && d_head_ == other.d_head_ && storage_ == other.storage_ &&
            0 <= begin && begin <= end && end <= other.length_,
        ErrorCode::internal, "KeyValues::append: rows {} to {} of {}, {} heads of {} and {} of {}",
        begin, end, other.length_, other.n_heads_, other.d_head_, n_heads_, d_head_);
  reserve(length_ + end - begin);
  const Layout from{n_heads_, d_head_, other.capacity_};
  const Layout to{n_heads_, d_head_, capacity_};
  with_element(storage_, [&]<class T>(T) {
    const Parts<const T> source(from, other.buffer_.data());
    const Parts<T> target(to, buffer_.data());
    for (int r = begin; r < end; ++r) copy_row(from, source, r, to, target, length_++);
  });
}

void KeyValues::truncate(int length) {
  check(0 <= length && length <= length_, ErrorCode::internal, "KeyValues::truncate: {} of {} rows",
        length, length_);
  length_ = length;  // what lies beyond is finite and never read as a valid key
}

KeyValueView pack_keys_values(Context& c, ConstTensor k, ConstTensor v, int begin, int end,
                              int n_heads, Storage storage) {
  check_shape(k.cols == v.cols && k.cols % n_heads == 0 && 0 <= begin && begin <= end &&
                  end <= std::min(k.rows, v.rows),
              k, v, "pack_keys_values");
  const int n = end - begin;
  const Layout layout{n_heads, k.cols / n_heads, round_up(n)};
  const auto block = [&](Storage s) {
    return reinterpret_cast<std::byte*>(c.arena.floats((layout.bytes(s) + 3) / sizeof(float)));
  };
  const auto for_heads = [&](auto&& f) {
    c.pool.parallel_for(n_heads, n > 64 ? 1 : n_heads, [&](int64_t first, int64_t last) {
      for (auto h = static_cast<int>(first); h < static_cast<int>(last); ++h) f(h);
    });
  };
  if (storage == Storage::int8) {
    std::byte* kept = block(storage);
    for_heads([&](int h) {
      Storer<int8_t> storer(c.kernels, layout, Parts<int8_t>(layout, kept));
      for (int r = 0; r < n; ++r) storer.store(k.row(begin + r), v.row(begin + r), h, r);
    });
    return view_of(layout, storage, kept, n);
  }
  // In f32 first: keys are packed by a kernel.
  std::byte* packed = block(Storage::f32);
  std::byte* kept = storage == Storage::bf16 ? block(storage) : packed;
  const Parts<float> own(layout, packed);
  const Parts<uint16_t> rounded(layout, kept);
  for_heads([&](int h) {
    const int offset = h * layout.d_head;
    const size_t k_begin = layout.k_at(h, 0);
    const size_t v_begin = layout.v_at(h, 0, 0);
    c.kernels.pack_f32(k.row(begin) + offset, static_cast<size_t>(k.cols), n, layout.d_head,
                       own.k + k_begin, 0, panels_for(n));
    for (int d = 0; d < layout.d_head; d += kLanes) {
      const int lanes = std::min(kLanes, layout.d_head - d);
      for (int r = 0; r < n; ++r) {
        float* to = own.v + layout.v_at(h, r, d);
        std::memcpy(to, v.row(begin + r) + offset + d, static_cast<size_t>(lanes) * sizeof(float));
        std::fill(to + lanes, to + kLanes, 0.F);
      }
    }
    if (kept == packed) return;
    narrow(own.k + k_begin, layout.k_head(), rounded.k + k_begin);
    narrow(own.v + v_begin, layout.v_head(), rounded.v + v_begin);
  });
  return view_of(layout, storage, kept, n);
}

}  // namespace transept
