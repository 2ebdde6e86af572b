#include "kernels/int8.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace transept {
namespace {

constexpr int kZeroPoint = 128;  // of the activations

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

// The scale that makes every pair of neighbours fit. The integers of a pair differ from the exact
// quotients by at most 1/2 each, so sums of at most 127 stay at most 128.
float scale_of(const float* row, int k) {
  float largest = 0.0f;
  bool finite = true;
  for (int i = 0; i < k; i += 2) {
    const float a = row[i];
    const float b = i + 1 < k ? row[i + 1] : 0.0f;
    finite = finite && std::isfinite(a) && std::isfinite(b);
    const float up = std::max(a, 0.0f) + std::max(b, 0.0f);
    const float down = std::max(-a, 0.0f) + std::max(-b, 0.0f);
    largest = std::max({largest, up, down});
  }
  if (!finite || !std::isfinite(largest)) return std::numeric_limits<float>::quiet_NaN();
  return largest / static_cast<float>(kInt8PairLimit - 1);
}

int quantized(float value, float scale) {
  return std::clamp(static_cast<int>(std::nearbyint(value / scale)), -127, 127);
}

}  // namespace

void pack_panel_i8(const float* source, size_t ld, int n, int k, std::byte* panel) {
  std::memset(panel, 0, int8_panel_bytes(k));
  Panel header{};
  for (int lane = 0; lane < n; ++lane) {
    const float* row = source + static_cast<size_t>(lane) * ld;
    const float scale = scale_of(row, k);
    header.scale[lane] = scale;
    if (!(scale > 0.0f)) continue;
    int32_t sum = 0;
    for (int i = 0; i < k; ++i) {
      const int q = quantized(row[i], scale);
      panel[place(lane, i)] = static_cast<std::byte>(q);
      sum += q;
    }
    header.correction[lane] = -kZeroPoint * sum;
  }
  std::memcpy(panel, &header, sizeof header);
}

void unpack_row_i8(const std::byte* panel, int lane, int k, float* values) {
  float scale = 0.0f;
  std::memcpy(&scale, panel + static_cast<size_t>(lane) * sizeof scale, sizeof scale);
  for (int i = 0; i < k; ++i)
    values[i] = scale * static_cast<float>(static_cast<int8_t>(panel[place(lane, i)]));
}

bool is_valid_panel_i8(const std::byte* panel, int n, int k) {
  Panel header;
  std::memcpy(&header, panel, sizeof header);
  const auto* weights = reinterpret_cast<const int8_t*>(panel + kInt8Header);
  const size_t groups = int8_row_bytes(k) / 4;
  int32_t sum[kLanes] = {};
  int highest = 0;
  int lowest = 0;
  for (size_t g = 0; g < groups; ++g) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const int8_t* q = weights + (g * kLanes + lane) * 4;
      for (size_t i = 0; i < 4; i += 2) {
        highest = std::max(highest, std::max<int>(q[i], 0) + std::max<int>(q[i + 1], 0));
        lowest = std::min(lowest, std::min<int>(q[i], 0) + std::min<int>(q[i + 1], 0));
        sum[lane] += q[i] + q[i + 1];
      }
    }
  }
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
