// The largest output of a product, without all outputs:  argmax over n of  x · W[n] + b[n].
//
// A copy of W in int8 gives every output approximately, and how far off it can be:
//   |x·w - x'·w'| <= |x| |w - w'| + |x - x'| |w'|      (triangle inequality, Cauchy-Schwarz)
// Only outputs that may still be the largest are then computed from W itself, in the order in which
// linear() sums. So the result is that of linear(), to the bit; only the reading is less: a quarter
// of W instead of all of it (docs/adr/0010).
#pragma once

#include <compare>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "ops/context.h"
#include "ops/softmax.h"
#include "tensor/weight.h"

namespace transept {

// The int8 copy of a matrix [n, k] and, per output, what its error is bounded by.
struct Screen {
  Buffer panels;              // int8.h
  std::vector<float> error;   // [n] |w - w'|, and what rounding adds to it
  std::vector<float> length;  // [n] |w'|
};

// Makes the Screen of a matrix when it has been asked for often enough to pay.
class ScreenMaker {
 public:
  // Null: not worth it (yet). Only matrices packed in f32 have one: of others every output is
  // cheap.
  [[nodiscard]] const Screen* get(Context& c, const Weight& weight);

 private:
  std::mutex mutex_;
  int asked_ = 0;
  std::optional<Screen> screen_;
};

[[nodiscard]] Screen make_screen(Context& c, const Weight& weight);

// An output that does not count for a row.
struct Banned {
  int32_t output;
  int row;
  auto operator<=>(const Banned&) const = default;  // NOLINT(modernize-use-nullptr): none here
};

// y holds outputs [first, first + n) of all rows: those in `banned` (sorted) get `value`.
void ban(std::span<const Banned> banned, int first, int n, float value, Tensor y);

// best[r] = the first of the largest outputs of row r of x [rows, k], as top_k(linear(…)) finds it
// when the outputs in `banned` (sorted) are -infinity there.
// A screen, which may be null, needs a weight that is packed in f32. `bias` may be empty.
[[nodiscard]] std::vector<Scored> linear_argmax(Context& c, const Weight& weight,
                                                const Weight& bias, const Screen* screen,
                                                ConstTensor x, std::span<const Banned> banned = {});

}  // namespace transept
