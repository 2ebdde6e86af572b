// What converting costs each product, on text: not |W' - W|, but what comes out.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "model/weights.h"

namespace transept {

// An input, and an output that someone wrote for it, perhaps after a decoder prompt.
struct CalibrationPair {
  std::vector<Token> source;
  std::vector<Token> prompt;
  std::vector<Token> target;
};

// By the names of matrices, |x W'ᵀ - x Wᵀ| / |x Wᵀ| (Frobenius) over all rows x that the pairs make
// the product see in `exact`, which is in f32; `converted` is the same model in another form. The
// errors of encoding and decoding.
[[nodiscard]] std::map<std::string, double> product_errors(const Transformer& exact,
                                                           const Transformer& converted,
                                                           std::span<const CalibrationPair> pairs,
                                                           ThreadPool& pool);

}  // namespace transept
