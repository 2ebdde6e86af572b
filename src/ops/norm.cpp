#include "ops/norm.h"

namespace transept {

void norm_rows(Context& c, const Weight& gain, const Weight& shift, float eps, ConstTensor x,
               Tensor y) {
  const int64_t grain = std::max(int64_t{8}, int64_t{16} * 1024 / std::max(x.cols, 1));
  c.pool.parallel_for(x.rows, grain, [&](int64_t begin, int64_t end) {
    for (int r = static_cast<int>(begin); r < static_cast<int>(end); ++r) {
      if (shift.empty()) {
        c.kernels.rms_norm(x.row(r), gain.f32(), eps, x.cols, y.row(r), nullptr);
      } else {
        c.kernels.layer_norm(x.row(r), gain.f32(), shift.f32(), eps, x.cols, y.row(r), nullptr);
      }
    }
  });
}

}  // namespace transept
