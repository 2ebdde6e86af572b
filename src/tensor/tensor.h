// Tensor: a non-owning f32 view of [rows, cols], rows one after another. No allocation, no
// arithmetic.
#pragma once

#include <cstddef>

#include "base/error.h"

namespace transept {

template <class T>
struct BasicTensor {
  T* data = nullptr;  // borrows from an Arena, a Buffer or a Memory
  int rows = 0;
  int cols = 0;

  [[nodiscard]] T* row(int r) const {
    return data + static_cast<size_t>(r) * static_cast<size_t>(cols);
  }
  [[nodiscard]] size_t size() const {
    return static_cast<size_t>(rows) * static_cast<size_t>(cols);
  }
  [[nodiscard]] size_t bytes() const { return size() * sizeof(T); }
  [[nodiscard]] BasicTensor slice(int begin, int end) const {
    return {row(begin), end - begin, cols};
  }
  // NOLINTNEXTLINE(google-explicit-constructor): like span, what may be written may be read
  operator BasicTensor<const T>() const { return {data, rows, cols}; }
};

using Tensor = BasicTensor<float>;
using ConstTensor = BasicTensor<const float>;

}  // namespace transept
