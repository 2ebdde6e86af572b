// Model files whose matrices are stored as the products read them (panels, kernels.h, int8.h and
// int4.h), so that loading converts nothing: what `transept convert` writes.
//
// A safetensors file with {"format": "transept-panels-1"} in its metadata and the names of visit().
// The type of a tensor says what it is:
//   U8    [panels, bytes of a panel]    a matrix or token table in int8
//   U8    [panels, lines, 64]           the same in int4
//   BF16  [panels, 16 * columns]        a matrix or token table in bf16
//   F32, F16, BF16 [rows, columns]      any other table, row by row
//   F32   [columns]                     a vector
#pragma once

#include "base/parallel.h"
#include "io/safetensors.h"
#include "io/tensor_set.h"
#include "model/weights.h"

namespace transept {

[[nodiscard]] bool is_packed(const TensorSet& tensors);

// Every weight that the config calls for from a file of this kind, checked: names, shapes, finite
// values, and panels of integers by is_valid_panel_i8 or _i4. Error bad_data.
void bind_packed(Transformer& model, const TensorSet& tensors, ThreadPool& pool);

// A file of this kind, from a model whose matrices are not in f32.
void write_packed(const std::filesystem::path& file, const Transformer& model);

}  // namespace transept
