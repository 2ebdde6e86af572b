// Embedding: rows of a table, scaled.
#pragma once

#include <cstdint>
#include <span>

#include "ops/context.h"
#include "tensor/weight.h"

namespace transept {

// y[r] = table[ids[r]] * scale; every id must be a row of the table.
[[nodiscard]] Tensor embed(Context& c, const Weight& table, std::span<const int32_t> ids,
                           float scale);

// x[r] += table[ids[r]]
void add_rows(Context& c, Tensor x, const Weight& table, std::span<const int32_t> ids);

// y[i] = x[rows[i]]
[[nodiscard]] Tensor gather_rows(Context& c, ConstTensor x, std::span<const int32_t> rows);

}  // namespace transept
