#include "ops/norm.h"

#include <algorithm>

#include "ops/shape.h"

namespace transept {
namespace {

constexpr int kChunk = 32;  // rows whose gain gradients are summed together: a fixed tree

void norm_backward(Context& c, const Norm& norm, ConstTensor x, const float* stats, ConstTensor dy,
                   Tensor dx) {
  const Weight& gain = norm.gain;
  const Weight& shift = norm.shift;
  const Arena::Frame frame(c.arena);
  const int chunks = (x.rows + kChunk - 1) / kChunk;
  const Tensor gains = c.arena.tensor(gain.grad != nullptr ? chunks : 0, x.cols);
  const Tensor shifts = c.arena.tensor(shift.grad != nullptr ? chunks : 0, x.cols);
  c.pool.parallel_for(chunks, 1, [&](int64_t begin, int64_t end) {
    for (int chunk = static_cast<int>(begin); chunk < static_cast<int>(end); ++chunk) {
      float* dgain = gains.rows > 0 ? gains.row(chunk) : nullptr;
      float* dshift = shifts.rows > 0 ? shifts.row(chunk) : nullptr;
      if (dgain != nullptr) std::fill_n(dgain, x.cols, 0.F);
      if (dshift != nullptr) std::fill_n(dshift, x.cols, 0.F);
      for (int r = chunk * kChunk; r < std::min(x.rows, (chunk + 1) * kChunk); ++r) {
        c.kernels.norm_backward(x.row(r), gain.f32(), dy.row(r), stats + ptrdiff_t{2} * r,
                                norm.kind == NormKind::layer, x.cols, dx.row(r), dgain, dshift);
      }
    }
  });
  const auto ld = static_cast<size_t>(x.cols);
  if (gains.rows > 0) c.kernels.add_rows(gains.data, ld, chunks, x.cols, gain.grad);
  if (shifts.rows > 0) c.kernels.add_rows(shifts.data, ld, chunks, x.cols, shift.grad);
}

void norm_row(const KernelTable& kernels, const Norm& norm, const float* x, float* y,
              float* stats) {
  const Weight& gain = norm.gain;
  if (norm.kind == NormKind::rms) {
    kernels.rms_norm(x, gain.f32(), norm.eps, gain.cols, y, stats);
  } else {
    kernels.layer_norm(x, gain.f32(), norm.shift.f32(), norm.eps, gain.cols, y, stats);
  }
}

void check_norm(const Norm& norm, ConstTensor x, ConstTensor y) {
  check_shape(norm.gain.size() == static_cast<size_t>(x.cols), norm.gain, x);
  check(norm.kind == NormKind::rms || norm.shift.size() == norm.gain.size(), ErrorCode::internal,
        "{}: a LayerNorm with a shift of {} values", norm.gain.name, norm.shift.size());
  check_same_shape(x, y, "norm");
}

// f(row) on all threads.
template <class F>
void for_rows(Context& c, ConstTensor x, F&& f) {
  const int64_t grain = std::max(int64_t{8}, int64_t{16} * 1024 / std::max(x.cols, 1));
  c.pool.parallel_for(x.rows, grain, [&](int64_t begin, int64_t end) {
    for (int r = static_cast<int>(begin); r < static_cast<int>(end); ++r) f(r);
  });
}

}  // namespace

void norm_rows(Context& c, const Norm& norm, ConstTensor x, Tensor y) {
  check_norm(norm, x, y);
  const bool records = c.tape != nullptr && (c.tape->tracks(x) || norm.gain.grad != nullptr ||
                                             norm.shift.grad != nullptr);
  dcheck(!records || y.data != x.data);
  float* stats = records ? c.arena.floats(2 * static_cast<size_t>(x.rows)) : nullptr;
  for_rows(c, x, [&](int r) {
    float* own = stats != nullptr ? stats + ptrdiff_t{2} * r : nullptr;
    norm_row(c.kernels, norm, x.row(r), y.row(r), own);
  });
  if (!records) return;
  c.tape->record(y, [&c, &norm, x, y, stats] {
    norm_backward(c, norm, x, stats, c.tape->grad(y), c.tape->grad(x));
  });
}

void norm_sum_rows(Context& c, const Norm& norm, Tensor x, ConstTensor y, Tensor normed) {
  dcheck(c.tape == nullptr);
  check_same_shape(x, y, "norm");
  check_norm(norm, x, normed);
  for_rows(c, x, [&](int r) {
    c.kernels.add(x.row(r), y.row(r), x.cols, x.row(r));
    norm_row(c.kernels, norm, x.row(r), normed.row(r), nullptr);
  });
}

}  // namespace transept
