// Dropout: y = x * mask / (1 - rate) while recording (Srivastava et al. 2014), x otherwise.
#pragma once

#include "ops/context.h"

namespace transept {

// Everything about one application of dropout but the row; `off` where nothing is dropped.
class DropoutMask {
 public:
  // The next application in this Context, where it is recording and rate > 0.
  DropoutMask(Context& c, float rate);

  [[nodiscard]] bool off() const { return threshold_ == 0; }
  // Of row `row` of the batch, for one of its heads.
  [[nodiscard]] DropoutRow row(int row, int head = 0) const;

 private:
  std::shared_ptr<const std::vector<RowPlace>> places_;
  uint32_t key_[2] = {0, 0};
  uint32_t place_ = 0;
  uint32_t threshold_ = 0;
  float scale_ = 1;
};

// In place on x, one row per row of the batch, which it returns; what made x must not need its
// value for its backward.
Tensor dropout(Context& c, Tensor x, float rate);

}  // namespace transept
