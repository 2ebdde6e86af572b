#include "kernels/int4.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace transept {
namespace {

constexpr float kRound = 0x1.8p23F;  // adding and taking it rounds to the nearest integer
constexpr float kMost = 7.0f;        // of |q|
constexpr int kMiddle = 8;           // what q is stored around

using Row = float[kLanes];  // one column of all lanes

size_t part_place(size_t group) {
  return kInt8Header + group / kInt4PartGroups * kInt4PartBytes;
}

size_t factor_place(size_t group, size_t lane) {
  return part_place(group) + lane * kInt4BlocksPerLine +
         group / kInt4BlockGroups % kInt4BlocksPerLine;
}

// Of the byte whose low half (even groups) or high half (odd ones) holds a weight.
size_t weight_place(size_t group, size_t lane, size_t column) {
  return part_place(group) + (1 + group % kInt4PartGroups / 2) * kLineBytes + lane * 4 + column;
}

int weight_at(const std::byte* panel, size_t group, size_t lane, size_t column) {
  const auto byte = static_cast<int>(panel[weight_place(group, lane, column)]);
  return (group % 2 == 0 ? byte & 0xF : byte >> 4) - kMiddle;
}

int factor_at(const std::byte* panel, size_t group, size_t lane) {
  return static_cast<int>(panel[factor_place(group, lane)]);
}

float quantized(float x, float inverse_factor) {
  return std::min(kMost, std::max(-kMost, x * inverse_factor)) + kRound - kRound;
}

// Per lane, the factor for the columns of a block (n of them, in units of the int8 weights) that
// loses least: the one that reaches the largest, or a smaller one that cuts it off.
void find_factors(const Row* x, int n, Row& factor) {
  constexpr int kCandidates = 7;  // of 18, down to 12
  Row largest = {};
  for (int i = 0; i < n; ++i)
    for (int lane = 0; lane < kLanes; ++lane)
      largest[lane] = std::max(largest[lane], std::abs(x[i][lane]));
  Row least_lost;
  Row highest;
  for (int lane = 0; lane < kLanes; ++lane) {
    const float reaching = std::ceil(largest[lane] / kMost);
    highest[lane] = std::clamp(reaching, 1.0f, static_cast<float>(kInt4MostFactor));
    factor[lane] = highest[lane];
    least_lost[lane] = std::numeric_limits<float>::infinity();
  }
  for (int c = 0; c < kCandidates; ++c) {
    Row tried;
    Row inverse;
    Row lost = {};
    for (int lane = 0; lane < kLanes; ++lane) {
      tried[lane] = std::max(1.0f, highest[lane] - static_cast<float>(c));
      inverse[lane] = 1.0f / tried[lane];
    }
    for (int i = 0; i < n; ++i) {
      for (int lane = 0; lane < kLanes; ++lane) {
        const float off = x[i][lane] - quantized(x[i][lane], inverse[lane]) * tried[lane];
        lost[lane] += off * off;
      }
    }
    for (int lane = 0; lane < kLanes; ++lane) {
      const bool better = lost[lane] < least_lost[lane];
      factor[lane] = better ? tried[lane] : factor[lane];
      least_lost[lane] = better ? lost[lane] : least_lost[lane];
    }
  }
}

// Two neighbours of one sign, both rounded up, may pass the limit of the int8 form: then the one
// that gained more is a step smaller.
void keep_pair_limit(float x0, float x1, float factor, int (&q)[2]) {
  if (std::abs(q[0] + q[1]) * static_cast<int>(factor) <= kInt8PairLimit) return;
  if (q[0] * q[1] <= 0) return;
  const float gained0 = std::abs(static_cast<float>(q[0]) * factor) - std::abs(x0);
  const float gained1 = std::abs(static_cast<float>(q[1]) * factor) - std::abs(x1);
  int& larger = gained0 > gained1 ? q[0] : q[1];
  larger -= larger > 0 ? 1 : -1;
}

}  // namespace

void pack_panel_i4(const float* source, size_t ld, int n, int k, std::byte* panel) {
  std::vector<float> lanes = to_lanes(source, ld, n, k);
  const size_t groups = int8_row_bytes(k) / 4;
  lanes.resize(groups * 4 * kLanes);
  auto* rows = reinterpret_cast<Row*>(lanes.data());
  Row scale;
  find_scales_i8(lanes.data(), k, scale);
  for (size_t i = 0; i < groups * 4; ++i)
    for (int lane = 0; lane < kLanes; ++lane)
      rows[i][lane] = scale[lane] > 0.0f ? rows[i][lane] / scale[lane] : 0.0f;

  std::memset(panel, 0, int4_panel_bytes(k));
  int32_t sum[kLanes] = {};
  for (size_t block = 0; block * kInt4BlockGroups < groups; ++block) {
    const size_t first = block * kInt4BlockGroups;
    const size_t last = std::min(groups, first + kInt4BlockGroups);
    Row factor;
    find_factors(rows + first * 4, static_cast<int>((last - first) * 4), factor);
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const int f = static_cast<int>(factor[lane]);
      const float inverse = 1.0f / factor[lane];
      panel[factor_place(first, lane)] = static_cast<std::byte>(f);
      for (size_t i = first * 4; i < last * 4; i += 2) {
        const float x[2] = {rows[i][lane], rows[i + 1][lane]};
        int q[2] = {static_cast<int>(quantized(x[0], inverse)),
                    static_cast<int>(quantized(x[1], inverse))};
        keep_pair_limit(x[0], x[1], factor[lane], q);
        for (size_t j = 0; j < 2; ++j) {
          const size_t group = i / 4;
          const int half = (q[j] + kMiddle) << (group % 2 == 0 ? 0 : 4);
          panel[weight_place(group, lane, i % 4 + j)] |= static_cast<std::byte>(half);
          sum[lane] += f * q[j];
        }
      }
    }
  }
  if (groups % 2 != 0) {  // the half line without a group
    for (size_t lane = 0; lane < kLanes; ++lane)
      for (size_t column = 0; column < 4; ++column)
        panel[weight_place(groups, lane, column)] |= static_cast<std::byte>(kMiddle << 4);
  }
  int32_t correction[kLanes];
  for (size_t lane = 0; lane < kLanes; ++lane) correction[lane] = -kZeroPoint * sum[lane];
  std::memcpy(panel, scale, sizeof scale);
  std::memcpy(panel + sizeof scale, correction, sizeof correction);
}

void expand_panel_i4(const std::byte* panel, int k, std::byte* int8_panel) {
  std::memcpy(int8_panel, panel, kInt8Header);
  auto* out = reinterpret_cast<int8_t*>(int8_panel + kInt8Header);
  for (size_t group = 0; group < int8_row_bytes(k) / 4; ++group)
    for (size_t lane = 0; lane < kLanes; ++lane)
      for (size_t column = 0; column < 4; ++column)
        *out++ = static_cast<int8_t>(factor_at(panel, group, lane) *
                                     weight_at(panel, group, lane, column));
}

void unpack_row_i4(const std::byte* panel, int lane, int k, float* values) {
  const auto own = static_cast<size_t>(lane);
  float scale = 0.0f;
  std::memcpy(&scale, panel + own * sizeof scale, sizeof scale);
  for (size_t i = 0; i < static_cast<size_t>(k); ++i) {
    const int weight = factor_at(panel, i / 4, own) * weight_at(panel, i / 4, own, i % 4);
    values[i] = scale * static_cast<float>(weight);
  }
}

void multiply_i4(const KernelTable& kernels, const GemmI8& g, int panel_begin, int panel_end) {
  if (g.m <= kInt4MostRows) return kernels.gemm_i4(g, panel_begin, panel_end);
  constexpr int kPanels = 4;
  const size_t each = int8_panel_bytes(g.k);
  thread_local std::vector<float> expanded;  // of floats: what is in it is aligned to 4
  expanded.resize(std::max(expanded.size(), kPanels * each / sizeof(float)));
  auto* panels = reinterpret_cast<std::byte*>(expanded.data());
  for (int begin = panel_begin; begin < panel_end; begin += kPanels) {
    const int count = std::min(kPanels, panel_end - begin);
    for (int p = 0; p < count; ++p)
      kernels.expand_i4(g.packed + static_cast<size_t>(begin + p) * int4_panel_bytes(g.k), g.k,
                        panels + static_cast<size_t>(p) * each);
    GemmI8 some = outputs_from(g, begin);
    some.packed = panels;
    kernels.gemm_i8(some, 0, count);
  }
}

bool is_valid_panel_i4(const std::byte* panel, int n, int k) {
  const size_t groups = int8_row_bytes(k) / 4;
  for (size_t group = 0; group < groups; ++group) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      if (factor_at(panel, group, lane) > kInt4MostFactor) return false;
      for (size_t column = 0; column < 4; ++column)
        if (weight_at(panel, group, lane, column) == -kMiddle) return false;
    }
  }
  std::vector<std::byte> expanded(int8_panel_bytes(k));
  expand_panel_i4(panel, k, expanded.data());
  return is_valid_panel_i8(expanded.data(), n, k);
}

}  // namespace transept
