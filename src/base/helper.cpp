#include "base/helper.h"

#include <algorithm>

namespace transept {

int64_t Helper::settle(int64_t processor) {
  const int64_t helped = std::clamp<int64_t>(inside_ - late_, 0, processor);
  credit_ = std::min(credit_ + helped - late_, kMostCredit);
  if (credit_ >= 0) return 0;
  const int64_t rest = std::min(-credit_ * kRestPerLoss * n_workers_, kMostRest);
  credit_ = 0;
  return rest;
}

}  // namespace transept
