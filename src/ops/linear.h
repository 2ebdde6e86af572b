// Linear: y = x Wᵀ + b, by the weight's storage type. f32 and bf16 multiply f32 activations; int8
// and int4 quantise each row of x to 8 bits first (kernels/int8.h, int4.h).
#pragma once

#include <cstdint>
#include <span>

#include "ops/product.h"

namespace transept {

// x [rows, in] -> [rows, out]. The weight must be packed; `bias` may be empty.
[[nodiscard]] Tensor linear(Context& c, const Weight& weight, const Weight& bias, ConstTensor x);

// Several of one x, as if one after the other: x is read, and where quantised, once.
void linear(Context& c, std::span<const Factor> by, ConstTensor x, std::span<Tensor> y);

// Error unsupported, naming the weight, unless it is f32 in every form.
void check_trainable(const Weight& weight);

// Bytes of 16 outputs in that form.
[[nodiscard]] size_t panel_bytes(Storage storage, int cols);

// Fills weight.packed, in the form that weight.storage says, from weight.values (f32, f16 or bf16).
void pack(Weight& weight, ThreadPool& pool, const KernelTable& kernels);

// Some outputs of a product as a product of its own: `rows` of weight [n, k], packed alike. Every
// output is a sum of its own, so each is the same to the bit as in the whole product.
[[nodiscard]] Weight take_outputs(const Weight& weight, std::span<const int32_t> rows,
                                  ThreadPool& pool);

// Row `index` of what was packed, as f32: `cols` values.
void unpack_row(const Weight& weight, int index, float* values);

// All values [rows, cols] as f32: those that it has, else those of its panels.
void copy_values(const Weight& weight, float* out);

// The same as its file has them, in weight.dtype, to the bit: panels in f32 lose nothing. For
// weights that are in f32.
[[nodiscard]] Buffer stored_values(const Weight& weight);

}  // namespace transept
