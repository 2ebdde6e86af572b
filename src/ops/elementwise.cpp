#include <algorithm>

#include "ops/activation.h"
#include "ops/add.h"
#include "ops/shape.h"

namespace transept {
namespace {

constexpr int64_t kGrain = int64_t{16} * 1024;  // elements per task: a few microseconds of work

// f(begin, end) over pieces of [0, n).
template <class F>
void for_elements(Context& c, size_t n, F&& f) {
  c.pool.parallel_for(static_cast<int64_t>(n), kGrain, f);
}

// grad(x) += factor * dy
void pass_on(Context& c, ConstTensor x, ConstTensor dy, float factor) {
  const Tape::Claim dx = c.tape->claim(x);
  for_elements(c, x.size(), [&](int64_t begin, int64_t end) {
    float* to = dx.grad.data + begin;
    if (dx.fresh) {
      c.kernels.scale(dy.data + begin, factor, end - begin, to);
    } else {
      c.kernels.scale_add(dy.data + begin, factor, to, end - begin, to);
    }
  });
}

}  // namespace

Tensor add(Context& c, Tensor x, Tensor y) {
  check_same_shape(x, y, "add");
  const Tensor sum = c.tape != nullptr ? y : x;
  for_elements(c, x.size(), [&](int64_t begin, int64_t end) {
    c.kernels.add(x.data + begin, y.data + begin, end - begin, sum.data + begin);
  });
  if (c.tape != nullptr && c.tape->tracks(x)) {
    c.tape->record_in_place(y, [&c, x, y] { pass_on(c, x, c.tape->grad(y), 1); });
  }
  return sum;
}

Tensor scaled(Context& c, ConstTensor x, float factor) {
  Tensor y = c.arena.tensor(x.rows, x.cols);
  for_elements(c, x.size(), [&](int64_t begin, int64_t end) {
    c.kernels.scale(x.data + begin, factor, end - begin, y.data + begin);
  });
  if (c.tape != nullptr && c.tape->tracks(x)) {
    c.tape->record(y, [&c, x, y, factor] { pass_on(c, x, c.tape->grad(y), factor); });
  }
  return y;
}

Tensor activate(Context& c, ActivationKind kind, Tensor up) {
  const bool records = c.tape != nullptr && c.tape->tracks(up);
  const Tensor y = records ? c.arena.tensor(up.rows, up.cols) : up;
  for_elements(c, up.size(), [&](int64_t begin, int64_t end) {
    c.kernels.activate(kind, up.data + begin, end - begin, y.data + begin);
  });
  if (!records) return y;
  c.tape->record(y, [&c, kind, up, y] {
    (void)c.tape->grad(y);
    c.tape->rename_grad(y, up);  // `up` is read here alone
    float* d = c.tape->grad(up).data;
    for_elements(c, up.size(), [&](int64_t begin, int64_t end) {
      c.kernels.activate_backward(kind, up.data + begin, d + begin, end - begin, d + begin);
    });
  });
  return y;
}

Tensor activate_gated(Context& c, ActivationKind kind, ConstTensor gate, Tensor up) {
  check_same_shape(gate, up, "activate_gated");
  const bool records = c.tape != nullptr && (c.tape->tracks(gate) || c.tape->tracks(up));
  const Tensor y = records ? c.arena.tensor(up.rows, up.cols) : up;
  for_elements(c, up.size(), [&](int64_t begin, int64_t end) {
    c.kernels.activate_gated(kind, gate.data + begin, up.data + begin, end - begin, y.data + begin);
  });
  if (!records) return y;
  c.tape->record(y, [&c, kind, gate, up, y] {
    (void)c.tape->grad(y);
    c.tape->rename_grad(y, up);  // `gate` and `up` are read here alone
    float* d = c.tape->grad(up).data;
    float* dgate = c.tape->claim(gate).grad.data;
    for_elements(c, up.size(), [&](int64_t begin, int64_t end) {
      c.kernels.activate_gated_backward(kind, gate.data + begin, up.data + begin, d + begin,
                                        end - begin, dgate + begin, d + begin);
    });
  });
  return y;
}

}  // namespace transept
