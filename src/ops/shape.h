// Whether what an operation is given fits together. In release builds too: a comparison costs
// nothing beside an operation, and what does not fit would be read beyond its end.
#pragma once

#include "base/error.h"
#include "tensor/tensor.h"
#include "tensor/weight.h"

namespace transept {

// Rows x and the weight that is applied to them.
inline void check_shape(bool fits, const Weight& weight, ConstTensor x) {
  check(fits, ErrorCode::internal, "{} [{}, {}] does not fit rows of {}", weight.name, weight.rows,
        weight.cols, x.cols);
}

inline void check_shape(bool fits, ConstTensor a, ConstTensor b, const char* operation) {
  check(fits, ErrorCode::internal, "{}: [{}, {}] does not fit [{}, {}]", operation, a.rows, a.cols,
        b.rows, b.cols);
}

inline void check_same_shape(ConstTensor a, ConstTensor b, const char* operation) {
  check_shape(a.rows == b.rows && a.cols == b.cols, a, b, operation);
}

}  // namespace transept
