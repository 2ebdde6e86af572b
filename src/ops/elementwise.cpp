#include "ops/activation.h"
#include "ops/add.h"

namespace transept {
namespace {

constexpr int64_t kGrain = int64_t{16} * 1024;  // elements per task: a few microseconds of work

}  // namespace

void add_to(Context& c, Tensor x, ConstTensor y) {
  dcheck(x.rows == y.rows && x.cols == y.cols);
  c.pool.parallel_for(static_cast<int64_t>(x.size()), kGrain, [&](int64_t begin, int64_t end) {
    c.kernels.add(x.data + begin, y.data + begin, end - begin, x.data + begin);
  });
}

void activate(Context& c, ActivationKind kind, Tensor up) {
  c.pool.parallel_for(static_cast<int64_t>(up.size()), kGrain, [&](int64_t begin, int64_t end) {
    c.kernels.activate(kind, up.data + begin, end - begin, up.data + begin);
  });
}

void activate_gated(Context& c, ActivationKind kind, ConstTensor gate, Tensor up) {
  dcheck(gate.rows == up.rows && gate.cols == up.cols);
  c.pool.parallel_for(static_cast<int64_t>(up.size()), kGrain, [&](int64_t begin, int64_t end) {
    c.kernels.activate_gated(kind, gate.data + begin, up.data + begin, end - begin,
                             up.data + begin);
  });
}

}  // namespace transept
