#include "model/positions.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "ops/embed.h"

namespace transept {
namespace {

float value_at(const Weight& table, int row, int col) {
  float value = 0;
  widen(table.dtype, table.values,
        static_cast<size_t>(row) * static_cast<size_t>(table.cols) + static_cast<size_t>(col), 1,
        &value);
  return value;
}

}  // namespace

// transformers' FSMT and M2M100 make their table in f32: frequency, product and sine are each
// rounded there, so here too. Marian and Pegasus compute in f64 and round once.
Sinusoids::Sinusoids(Positions kind, int d) : kind_(kind), d_(d) {
  const int half = d / 2;
  if (kind == Positions::sinusoid_fairseq) {
    const auto step = static_cast<float>(std::log(10000.0) / (half - 1));
    for (int i = 0; i < half; ++i) divisors_.push_back(std::exp(static_cast<float>(i) * -step));
  } else {
    for (int i = 0; i < (d + 1) / 2; ++i) divisors_.push_back(std::pow(10000.0, 2.0 * i / d));
  }
}

void Sinusoids::row(int position, float* out) const {
  const size_t half = static_cast<size_t>(d_) / 2;
  if (kind_ == Positions::sinusoid_fairseq) {
    for (size_t i = 0; i < half; ++i) {
      const float angle = static_cast<float>(position) * static_cast<float>(divisors_[i]);
      out[i] = std::sin(angle);
      out[half + i] = std::cos(angle);
    }
    if (d_ % 2 == 1) out[d_ - 1] = 0;
    return;
  }
  const size_t sines = divisors_.size();  // one more than cosines where d is odd
  for (size_t i = 0; i < sines; ++i) {
    const double angle = position / divisors_[i];
    out[i] = static_cast<float>(std::sin(angle));
    if (i < half) out[sines + i] = static_cast<float>(std::cos(angle));
  }
}

void add_positions(Context& c, const StackConfig& stack, const Weight& table, const Batch& batch,
                   Tensor x) {
  if (stack.positions == Positions::learned) {
    std::vector<int32_t> entries;
    for (const Sequence& s : batch.sequences) {
      for (int r = s.begin; r < s.end; ++r)
        entries.push_back(s.position + r - s.begin + stack.position_offset);
    }
    return add_rows(c, x, table, entries);
  }
  const Arena::Frame frame(c.arena);
  float* values = c.arena.floats(static_cast<size_t>(x.cols));
  const Sinusoids table_rows(stack.positions, x.cols);
  for (const Sequence& s : batch.sequences) {
    for (int r = s.begin; r < s.end; ++r) {
      table_rows.row(s.position + r - s.begin + stack.position_offset, values);
      c.kernels.add(x.row(r), values, x.cols, x.row(r));
    }
  }
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
  if (c.tape != nullptr && table.grad != nullptr) {
    const Tensor all{values, stack.n_heads, span};
    c.tape->record(all, [&c, &stack, &table, least, all] {
      const Tensor d = c.tape->grad(all);
      for (int i = 0; i < d.cols; ++i) {
        const int bucket = relative_bucket(least + i, !stack.causal, stack.relative_buckets,
                                           stack.relative_max_distance);
        for (int h = 0; h < d.rows; ++h) table.grad[bucket * d.rows + h] += d.row(h)[i];
      }
    });
  }
  return {values, least, span};
}

}  // namespace transept
