#include "model/positions.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/half.h"

namespace transept {
namespace {

float value_at(const Weight& table, int row, int col) {
  const size_t index =
      static_cast<size_t>(row) * static_cast<size_t>(table.cols) + static_cast<size_t>(col);
  switch (table.dtype) {
    case DType::f32:
      return table.f32()[index];
    case DType::bf16:
      return from_bfloat16(static_cast<const uint16_t*>(table.values)[index]);
    case DType::f16:
      return from_float16(static_cast<const uint16_t*>(table.values)[index]);
  }
  return 0;
}

// transformers' FSMT and M2M100 make their table in f32: frequency, product and sine are each
// rounded there, so here too.
void sinusoid_fairseq(int position, int d, float* out) {
  const int half = d / 2;
  const float step = static_cast<float>(std::log(10000.0) / (half - 1));
  for (int i = 0; i < half; ++i) {
    const float frequency = std::exp(static_cast<float>(i) * -step);
    const float angle = static_cast<float>(position) * frequency;
    out[i] = std::sin(angle);
    out[half + i] = std::cos(angle);
  }
  if (d % 2 == 1) out[d - 1] = 0;
}

}  // namespace

void sinusoid(Positions kind, int position, int d, float* out) {
  if (kind == Positions::sinusoid_fairseq) return sinusoid_fairseq(position, d, out);
  const int n_sines = (d + 1) / 2;
  for (int i = 0; i < d; ++i) {
    const double angle = position / std::pow(10000.0, 2.0 * (i / 2) / d);
    const double value = i % 2 == 0 ? std::sin(angle) : std::cos(angle);
    const int place =
        kind == Positions::sinusoid_interleaved ? i : i / 2 + (i % 2 == 0 ? 0 : n_sines);
    out[place] = static_cast<float>(value);
  }
}

void add_positions(Context& c, const StackConfig& stack, const Weight& table, int position, int row,
                   Tensor x) {
  const Arena::Frame frame(c.arena);
  float* values = c.arena.floats(static_cast<size_t>(x.cols));
  const int entry = position + stack.position_offset;
  if (stack.positions == Positions::learned) {
    for (int i = 0; i < x.cols; ++i) values[i] = value_at(table, entry, i);
  } else {
    sinusoid(stack.positions, entry, x.cols, values);
  }
  c.kernels.add(x.row(row), values, x.cols, x.row(row));
}

int relative_bucket(int distance, bool two_sided, int buckets, int max_distance) {
  int base = 0;
  int far = 0;
  if (two_sided) {
    buckets /= 2;
    if (distance > 0) base = buckets;
    far = std::abs(distance);
  } else {
    far = -std::min(distance, 0);
  }
  const int exact = buckets / 2;
  if (far < exact) return base + far;
  const float ratio = std::log(static_cast<float>(far) / static_cast<float>(exact)) /
                      static_cast<float>(std::log(static_cast<double>(max_distance) / exact));
  return base + std::min(buckets - 1,
                         exact + static_cast<int>(ratio * static_cast<float>(buckets - exact)));
}

RelativeBias relative_bias(Context& c, const StackConfig& stack, const Weight& table, int least,
                           int most) {
  const int span = most - least + 1;
  float* values = c.arena.floats(static_cast<size_t>(stack.n_heads) * static_cast<size_t>(span));
  for (int i = 0; i < span; ++i) {
    const int bucket = relative_bucket(least + i, !stack.causal, stack.relative_buckets,
                                       stack.relative_max_distance);
    for (int h = 0; h < stack.n_heads; ++h) {
      values[static_cast<size_t>(h) * static_cast<size_t>(span) + static_cast<size_t>(i)] =
          value_at(table, bucket, h);
    }
  }
  return {values, least, span};
}

}  // namespace transept
