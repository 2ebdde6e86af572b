// Weight: a named parameter, the values as its file stores them, and the packed form that products
// read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "tensor/tensor.h"

namespace transept {

enum class DType { f32, f16, bf16 };

[[nodiscard]] constexpr size_t size_of(DType dtype) {
  return dtype == DType::f32 ? 4 : 2;
}
[[nodiscard]] constexpr const char* name_of(DType dtype) {
  return dtype == DType::f32 ? "f32" : dtype == DType::f16 ? "f16" : "bf16";
}

// The values [begin, begin + n) of an array of that type, as f32. It need not be aligned.
void widen(DType dtype, const void* values, size_t begin, size_t n, float* out);

// The reverse, exact for what widen() gave: the values [begin, begin + n) from f32.
void narrow(DType dtype, const float* from, size_t n, size_t begin, void* values);

// The form that a matrix is packed in. Token tables that are not f32 are packed too.
enum class Storage { f32, bf16, int8, int4 };

[[nodiscard]] constexpr const char* name_of(Storage storage) {
  constexpr const char* kNames[] = {"f32", "bf16", "int8", "int4"};
  return kNames[static_cast<size_t>(storage)];
}

// Whether products with it are of integers.
[[nodiscard]] constexpr bool is_quantized(Storage storage) {
  return storage == Storage::int8 || storage == Storage::int4;
}

// Nothing for "". Error unsupported for what is no name of one.
[[nodiscard]] std::optional<Storage> storage_named(std::string_view name);
// The same for keys and values, which are never int4.
[[nodiscard]] std::optional<Storage> keys_named(std::string_view name);

// What a parameter is used for decides which forms it is kept in.
enum class Role {
  vector,   // norm gains, biases: plain f32
  product,  // the matrix of a linear: packed panels
  lookup,   // an embedding table: rows as stored
  both,     // an embedding table that is also the output matrix
  addend,   // a small table whose rows are added to others (positions, segments): as stored
};

// The stack that a parameter serves. What stands between encoder and decoder, and the head, serve
// the decoder; a token table of both stacks serves both.
enum class Side { encoder, decoder, both };

struct Weight {
  std::string name;  // "decoder.3.cross.k.weight"
  int rows = 0;      // outputs of a linear, entries of a table, 1 for a vector
  int cols = 0;
  Side side = Side::decoder;
  bool sees_outliers = false;  // StackConfig::ffn_outliers
  DType dtype = DType::f32;
  // [rows, cols] row-major, as stored; vectors are always f32. Null once loading has packed them.
  const void* values = nullptr;
  std::shared_ptr<const void> owner;  // keeps `values` alive: a Buffer
  Storage storage = Storage::f32;     // of `packed`
  bool fine = false;  // where products are of integers: multiplies activations of 15 bits, not 8
  std::vector<float> columns;  // what packing multiplies each column by; empty: 1
  Buffer packed;          // panels (kernels.h, int8.h, int4.h); empty unless a product reads it
  float* grad = nullptr;  // [rows, cols], what backward adds to; null unless it is being trained

  // The encoder's own and a token table that it shares.
  [[nodiscard]] bool serves_encoder() const { return side != Side::decoder; }
  [[nodiscard]] bool empty() const { return values == nullptr && packed.size() == 0; }
  [[nodiscard]] size_t size() const {
    return static_cast<size_t>(rows) * static_cast<size_t>(cols);
  }
  [[nodiscard]] const float* f32() const {
    dcheck(dtype == DType::f32);
    return static_cast<const float*>(values);
  }
};

}  // namespace transept
