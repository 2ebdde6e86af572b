// The numbers of a file: their types, and whether they are finite.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>

#include "io/safetensors.h"
#include "tensor/weight.h"

namespace transept {

[[nodiscard]] inline StoredType stored_type(DType dtype) {
  return dtype == DType::f32   ? StoredType::f32
         : dtype == DType::f16 ? StoredType::f16
                               : StoredType::bf16;
}

// The type in which values of a file are kept; nothing for one that none are kept in.
[[nodiscard]] inline std::optional<DType> weight_type(StoredType type) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16})
    if (stored_type(dtype) == type) return dtype;
  return std::nullopt;
}

// What weights are read from. F64 is narrowed to f32.
[[nodiscard]] inline bool is_weight_type(StoredType type) {
  return type == StoredType::f64 || weight_type(type).has_value();
}

// To the nearest; infinite where no f32 is as large. `from` need not be aligned.
inline void narrow_f64(const std::byte* from, size_t n, float* to) {
  for (size_t i = 0; i < n; ++i) {
    double value = 0;
    std::memcpy(&value, from + i * sizeof value, sizeof value);
    to[i] = static_cast<float>(value);
  }
}

// Values are finite unless all bits of an exponent are set. No branch: the loop becomes SIMD.
template <class Bits>
bool all_finite(const Bits* values, int64_t n, Bits exponent) {
  Bits bad = 0;
  for (int64_t i = 0; i < n; ++i) {
    bad = static_cast<Bits>(bad | static_cast<Bits>((values[i] & exponent) == exponent));
  }
  return bad == 0;
}

inline bool all_finite(DType dtype, const void* values, int64_t begin, int64_t end) {
  if (dtype == DType::f32) {
    return all_finite(static_cast<const uint32_t*>(values) + begin, end - begin, 0x7F800000u);
  }
  const auto exponent = static_cast<uint16_t>(dtype == DType::f16 ? 0x7C00 : 0x7F80);
  return all_finite(static_cast<const uint16_t*>(values) + begin, end - begin, exponent);
}

}  // namespace transept
