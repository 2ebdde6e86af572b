// What the tests of operations share: one test per kernel table of this machine, random tensors and
// weights.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "base/half.h"
#include "ops/context.h"
#include "tensor/weight.h"

namespace transept {

class OpsTest : public ::testing::TestWithParam<const KernelTable*> {
 protected:
  Tensor random_tensor(int rows, int cols) {
    Tensor t = arena.tensor(rows, cols);
    for (size_t i = 0; i < t.size(); ++i) t.data[i] = normal(random);
    return t;
  }

  Weight random_weight(int rows, int cols, DType dtype = DType::f32) {
    Weight weight;
    weight.rows = rows;
    weight.cols = cols;
    weight.dtype = dtype;
    auto buffer = std::make_shared<Buffer>(weight.size() * size_of(dtype));
    for (size_t i = 0; i < weight.size(); ++i) {
      const float value = normal(random);
      if (dtype == DType::f32) {
        buffer->as<float>()[i] = value;
      } else {
        buffer->as<uint16_t>()[i] = to_bfloat16(value);  // as f16 bits: some other finite number
      }
    }
    weight.values = buffer->data();
    weight.owner = buffer;
    return weight;
  }

  static double value(const Weight& w, int row, int col) {
    const size_t i =
        static_cast<size_t>(row) * static_cast<size_t>(w.cols) + static_cast<size_t>(col);
    if (w.dtype == DType::f32) return w.f32()[i];
    const uint16_t bits = static_cast<const uint16_t*>(w.values)[i];
    return w.dtype == DType::bf16 ? from_bfloat16(bits) : from_float16(bits);
  }

  std::mt19937 random{7};
  std::normal_distribution<float> normal;
  Arena arena;
  ThreadPool pool{2};
  Context c{arena, pool, *GetParam()};
};

}  // namespace transept
