#include "ops/dropout.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"

namespace transept {
namespace {

void drop(Context& c, const DropoutMask& mask, Tensor x) {
  const int64_t grain = std::max(int64_t{1}, int64_t{8} * 1024 / std::max(x.cols, 1));
  c.pool.parallel_for(x.rows, grain, [&](int64_t begin, int64_t end) {
    for (int r = static_cast<int>(begin); r < static_cast<int>(end); ++r) {
      c.kernels.dropout(mask.row(r), x.row(r), x.cols, x.row(r));
    }
  });
}

}  // namespace

DropoutMask::DropoutMask(Context& c, float rate) {
  if (c.tape == nullptr || rate <= 0) return;
  check(rate < 1, ErrorCode::usage, "dropout: {} is not below 1", rate);
  const auto words =
      philox({static_cast<uint32_t>(c.dropout.step), static_cast<uint32_t>(c.dropout.step >> 32),
              0x64726F70u, 0},
             {static_cast<uint32_t>(c.dropout.seed), static_cast<uint32_t>(c.dropout.seed >> 32)});
  places_ = c.places;
  key_[0] = words[0];
  key_[1] = words[1];
  place_ = c.dropouts++ << 12;
  threshold_ = std::min(65535u, static_cast<uint32_t>(std::lround(rate * 65536.F)));
  scale_ = 65536.F / (65536.F - static_cast<float>(threshold_));
}

DropoutRow DropoutMask::row(int row, int head) const {
  const RowPlace& at = (*places_)[static_cast<size_t>(row)];
  return {.key = {key_[0], key_[1]},
          .place = place_ + static_cast<uint32_t>(head),
          .example = at.example,
          .position = at.position,
          .threshold = threshold_,
          .scale = scale_};
}

Tensor dropout(Context& c, Tensor x, float rate) {
  const DropoutMask mask(c, rate);
  if (mask.off()) return x;
  drop(c, mask, x);
  if (c.tape->tracks(x)) {
    c.tape->record_in_place(x, [&c, mask, x] { drop(c, mask, c.tape->grad(x)); });
  }
  return x;
}

}  // namespace transept
