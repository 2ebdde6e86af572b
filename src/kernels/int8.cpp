#include "kernels/int8.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace transept {
namespace {

struct Panel {
  float scale[kLanes];
  int32_t correction[kLanes];  // -128 * the sum of the row's weights
};
static_assert(sizeof(Panel) == kInt8Header);

// Where weight (lane, k) of a panel is.
size_t place(int lane, int k) {
  return kInt8Header + static_cast<size_t>(k / 4) * 4 * kLanes + static_cast<size_t>(lane) * 4 +
         static_cast<size_t>(k % 4);
}

using Row = float[kLanes];  // one k of all lanes

// Per lane, the largest sum of two neighbours of one sign.
struct Largest {
  Row sum = {};
  Row poison = {};  // 0 times each weight: NaN as soon as one is not finite

  void look_at(const Row& a, const Row& b) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const float up = std::max(a[lane], 0.0f) + std::max(b[lane], 0.0f);
      const float down = std::max(-a[lane], 0.0f) + std::max(-b[lane], 0.0f);
      sum[lane] = std::max(sum[lane], std::max(up, down));
      poison[lane] += 0.0f * a[lane] + 0.0f * b[lane];
    }
  }
};

}  // namespace

// The scales that make every pair of neighbours fit. The integers of a pair differ from the exact
// quotients by at most 1/2 each, so sums of at most 127 stay at most 128.
void find_scales_i8(const float* lanes, int k, float (&scale)[kLanes]) {
  const auto* rows = reinterpret_cast<const Row*>(lanes);
  static constexpr Row kNothing = {};
  Largest largest;
  for (int i = 0; i + 1 < k; i += 2) largest.look_at(rows[i], rows[i + 1]);
  if (k % 2 != 0) largest.look_at(rows[k - 1], kNothing);
  for (int lane = 0; lane < kLanes; ++lane) {
    const bool finite = largest.poison[lane] == 0.0f && std::isfinite(largest.sum[lane]);
    scale[lane] = finite ? largest.sum[lane] / static_cast<float>(kInt8PairLimit - 1)
                         : std::numeric_limits<float>::quiet_NaN();
  }
}

std::vector<float> to_lanes(const float* source, size_t ld, int n, int k) {
  std::vector<float> lanes(static_cast<size_t>(k) * kLanes);
  for (int lane = 0; lane < n; ++lane) {
    const float* row = source + static_cast<size_t>(lane) * ld;
    float* to = lanes.data() + lane;
    for (int i = 0; i < k; ++i, to += kLanes) *to = row[i];
  }
  return lanes;
}

void pack_lanes_i8(const float* lanes, int k, std::byte* panel) {
  constexpr float kRound = 0x1.8p23F;  // adding and taking it rounds to the nearest integer
  const auto* rows = reinterpret_cast<const Row*>(lanes);
  Panel header{};
  find_scales_i8(lanes, k, header.scale);
  Row divisor;
  int32_t mask[kLanes];  // nothing of a row without a scale
  for (int lane = 0; lane < kLanes; ++lane) {
    const bool has_scale = header.scale[lane] > 0.0f;
    divisor[lane] = has_scale ? header.scale[lane] : 1.0f;
    mask[lane] = has_scale ? -1 : 0;
  }
  int32_t sum[kLanes] = {};
  std::byte* out = panel + kInt8Header;
  for (int i = 0; i < k; i += 4, out += 4 * kLanes) {
    uint32_t group[kLanes] = {};
    for (int j = 0; j < std::min(4, k - i); ++j) {
      for (int lane = 0; lane < kLanes; ++lane) {
        const float x = rows[i + j][lane] / divisor[lane];
        const float rounded = std::min(127.0f, std::max(-127.0f, x)) + kRound - kRound;  // no NaN
        const int32_t q = static_cast<int32_t>(rounded) & mask[lane];
        sum[lane] += q;
        group[lane] |= (static_cast<uint32_t>(q) & 0xFFu) << (8 * j);
      }
    }
    std::memcpy(out, group, sizeof group);
  }
  for (int lane = 0; lane < kLanes; ++lane) header.correction[lane] = -kZeroPoint * sum[lane];
  std::memcpy(panel, &header, sizeof header);
}

void pack_panel_i8(const float* source, size_t ld, int n, int k, std::byte* panel) {
  pack_lanes_i8(to_lanes(source, ld, n, k).data(), k, panel);
}

void unpack_row_i8(const std::byte* panel, int lane, int k, float* values) {
  float scale = 0.0f;
  std::memcpy(&scale, panel + static_cast<size_t>(lane) * sizeof scale, sizeof scale);
  for (int i = 0; i < k; ++i)
    values[i] = scale * static_cast<float>(static_cast<int8_t>(panel[place(lane, i)]));
}

Squares squares_i8(const std::byte* panel, const float* lanes, int k) {
  const auto* rows = reinterpret_cast<const Row*>(lanes);
  Panel header;
  std::memcpy(&header, panel, sizeof header);
  Squares squares;
  const std::byte* in = panel + kInt8Header;
  for (int i = 0; i < k; i += 4, in += 4 * kLanes) {
    uint32_t group[kLanes];
    std::memcpy(group, in, sizeof group);
    for (int j = 0; j < std::min(4, k - i); ++j) {
      for (int lane = 0; lane < kLanes; ++lane) {
        const auto q = static_cast<int32_t>(group[lane] << (24 - 8 * j)) >> 24;
        const float value = header.scale[lane] * static_cast<float>(q);
        const float off = rows[i + j][lane] - value;
        squares.kept[lane] += static_cast<double>(value) * static_cast<double>(value);
        squares.lost[lane] += static_cast<double>(off) * static_cast<double>(off);
      }
    }
  }
  return squares;
}

bool is_valid_panel_i8(const std::byte* panel, int n, int k) {
  Panel header;
  std::memcpy(&header, panel, sizeof header);
  const size_t groups = int8_row_bytes(k) / 4;
  // Pairs of neighbours as numbers of 16 bits, which every instruction set has.
  constexpr size_t kPairs = size_t{kLanes} * 2;
  constexpr size_t kAtOnce = 64;  // groups whose sums stay within 16 bits
  int16_t highest_of[kPairs] = {};
  int16_t lowest_of[kPairs] = {};
  int32_t sum[kLanes] = {};
  for (size_t begin = 0; begin < groups; begin += kAtOnce) {
    int16_t some[kPairs] = {};
    for (size_t g = begin; g < std::min(groups, begin + kAtOnce); ++g) {
      int16_t pairs[kPairs];
      std::memcpy(pairs, panel + kInt8Header + g * sizeof pairs, sizeof pairs);
      for (size_t p = 0; p < kPairs; ++p) {
        const auto q0 = static_cast<int16_t>(static_cast<int16_t>(pairs[p] << 8) >> 8);
        const auto q1 = static_cast<int16_t>(pairs[p] >> 8);
        const auto above =
            static_cast<int16_t>(std::max<int16_t>(q0, 0) + std::max<int16_t>(q1, 0));
        const auto below =
            static_cast<int16_t>(std::min<int16_t>(q0, 0) + std::min<int16_t>(q1, 0));
        highest_of[p] = std::max(highest_of[p], above);
        lowest_of[p] = std::min(lowest_of[p], below);
        some[p] = static_cast<int16_t>(some[p] + q0 + q1);
      }
    }
    for (size_t p = 0; p < kPairs; ++p) sum[p / 2] += some[p];
  }
  const int highest = *std::max_element(highest_of, highest_of + kPairs);
  const int lowest = *std::min_element(lowest_of, lowest_of + kPairs);
  if (highest > kInt8PairLimit || lowest < -kInt8PairLimit) return false;
  for (int lane = 0; lane < kLanes; ++lane) {
    const float scale = header.scale[lane];
    if (!(scale >= 0.0f) || !std::isfinite(scale)) return false;
    if (header.correction[lane] != -kZeroPoint * sum[lane]) return false;
    if (lane >= n && (scale != 0.0f || sum[lane] != 0)) return false;
  }
  return true;
}

}  // namespace transept
