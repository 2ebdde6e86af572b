#include "model/balance.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <vector>

namespace transept {
namespace {

std::vector<float> largest_by_column(const Weight& weight, ThreadPool& pool) {
  const auto cols = static_cast<size_t>(weight.cols);
  std::vector<float> largest(cols);
  std::mutex mutex;
  pool.parallel_for(weight.rows, 256, [&](int64_t begin, int64_t end) {
    std::vector<float> own(cols);
    std::vector<float> row(cols);
    for (int64_t r = begin; r < end; ++r) {
      widen(weight.dtype, weight.values, static_cast<size_t>(r) * cols, cols, row.data());
      for (size_t i = 0; i < cols; ++i) own[i] = std::max(own[i], std::abs(row[i]));
    }
    const std::lock_guard lock(mutex);
    for (size_t i = 0; i < cols; ++i) largest[i] = std::max(largest[i], own[i]);
  });
  return largest;
}

void divide(Weight& vector, const std::vector<float>& by) {
  if (vector.empty()) return;
  auto values = std::make_shared<Buffer>(by.size() * sizeof(float));
  for (size_t i = 0; i < by.size(); ++i) values->as<float>()[i] = vector.f32()[i] / by[i];
  vector.values = values->data();
  vector.owner = std::move(values);
}

}  // namespace

void balance_output(Transformer& model, ThreadPool& pool,
                    const std::function<void(Weight& weight)>& load) {
  const auto& head = model.config.head;
  if (!head.present || head.tied || head.transform || !model.decoder.final_norm) return;
  Weight& output = *model.head.output;
  if (!is_quantized(output.storage)) return;
  Norm& norm = *model.decoder.final_norm;
  if (load) {
    load(output);
    load(norm.gain);
    if (norm.kind == NormKind::layer) load(norm.shift);
  }
  if (output.values == nullptr) return;  // a file of panels, which was balanced before
  std::vector<float> columns = largest_by_column(output, pool);
  for (size_t i = 0; i < columns.size(); ++i) {
    const float shift = norm.shift.empty() ? 0.0f : norm.shift.f32()[i];
    const float ratio = std::hypot(norm.gain.f32()[i], shift) / columns[i];
    constexpr float kMost = 0x1p40F;  // a column of nothing is left alone
    const bool usual = ratio > 1 / kMost && ratio < kMost;
    columns[i] = usual ? std::exp2(std::round(std::log2(ratio) / 2)) : 1.0f;
  }
  divide(norm.gain, columns);
  divide(norm.shift, columns);
  output.columns = std::move(columns);
}

}  // namespace transept
