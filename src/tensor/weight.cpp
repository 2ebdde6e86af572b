#include "tensor/weight.h"

#include <cstring>

#include "base/error.h"
#include "base/half.h"

namespace transept {

void widen(DType dtype, const void* values, size_t begin, size_t n, float* out) {
  const auto* from = static_cast<const std::byte*>(values) + begin * size_of(dtype);
  if (dtype == DType::f32) {
    std::memcpy(out, from, n * sizeof(float));
    return;
  }
  for (size_t i = 0; i < n; ++i) {
    uint16_t bits = 0;
    std::memcpy(&bits, from + i * sizeof bits, sizeof bits);
    out[i] = dtype == DType::bf16 ? from_bfloat16(bits) : from_float16(bits);
  }
}

void narrow(DType dtype, const float* from, size_t n, size_t begin, void* values) {
  auto* to = static_cast<std::byte*>(values) + begin * size_of(dtype);
  if (dtype == DType::f32) {
    std::memcpy(to, from, n * sizeof(float));
    return;
  }
  for (size_t i = 0; i < n; ++i) {
    const uint16_t bits = dtype == DType::bf16 ? to_bfloat16(from[i]) : to_float16(from[i]);
    std::memcpy(to + i * sizeof bits, &bits, sizeof bits);
  }
}

std::optional<Storage> storage_named(std::string_view name) {
  if (name.empty()) return std::nullopt;
  for (const Storage storage : {Storage::f32, Storage::bf16, Storage::int8, Storage::int4})
    if (name == name_of(storage)) return storage;
  fail(ErrorCode::unsupported, "unknown storage type {}: expected f32, bf16, int8 or int4", name);
}

std::optional<Storage> keys_named(std::string_view name) {
  check(name != name_of(Storage::int4), ErrorCode::unsupported,
        "keys and values as {}: expected f32, bf16 or int8", name);
  return storage_named(name);
}

}  // namespace transept
