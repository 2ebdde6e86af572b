#include "train/initialize.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "base/error.h"
#include "base/rng.h"
#include "ops/linear.h"
#include "train/streams.h"

namespace transept {
namespace {

// How a weight is drawn.
struct Draw {
  enum class Kind { constant, normal, uniform } kind = Kind::constant;
  double scale = 0;  // the value, the standard deviation, or the bound
};

bool has(const std::string& name, const char* part) {
  return name.find(part) != std::string::npos;
}

double inverse_root(int n) {
  return 1 / std::sqrt(static_cast<double>(n));
}

Draw t5_draw(const Parameter& p, const Config& config) {
  const StackConfig& s = config.decoder;
  const auto normal = [](double deviation) { return Draw{Draw::Kind::normal, deviation}; };
  if (has(p.name, ".q.")) return normal(inverse_root(s.d_model * s.d_head));
  if (has(p.name, ".o.")) return normal(inverse_root(s.inner()));
  if (has(p.name, ".down.")) return normal(inverse_root(s.d_ff));
  if (has(p.name, "tokens") || p.name == "head.weight") return normal(1);
  return normal(inverse_root(s.d_model));
}

Draw draw_of(const Parameter& p, const Config& config, const std::string& family) {
  if (p.role == Role::vector) return {Draw::Kind::constant, has(p.name, ".gain") ? 1.0 : 0.0};
  if (family.starts_with("t5")) return t5_draw(p, config);
  if (family == "gpt2" && (has(p.name, ".o.") || has(p.name, ".down.")))
    return {Draw::Kind::normal, 0.02 * inverse_root(2 * config.decoder.layers)};
  if (family != "transformer" && family != "marian") return {Draw::Kind::normal, 0.02};
  if (p.role != Role::product || p.name == "head.weight") {
    return {Draw::Kind::normal, inverse_root(p.weight->cols)};
  }
  return {Draw::Kind::uniform, std::sqrt(6.0 / (p.weight->rows + p.weight->cols))};
}

// Box & Muller 1958.
double standard_normal(uint64_t seed, uint64_t stream, uint64_t index) {
  const double u = 1 - random_uniform(seed, stream, 2 * index);  // (0, 1]
  const double v = random_uniform(seed, stream, 2 * index + 1);
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
}

void fill(std::span<float> values, const Draw& draw, uint64_t seed, uint64_t stream) {
  for (size_t i = 0; i < values.size(); ++i) {
    double value = draw.scale;
    if (draw.kind == Draw::Kind::normal) value *= standard_normal(seed, stream, i);
    if (draw.kind == Draw::Kind::uniform) value *= 2 * random_uniform(seed, stream, i) - 1;
    values[i] = static_cast<float>(value);
  }
}

}  // namespace

void copy_values(const Transformer& from, const std::string& prefix, Parameters& to) {
  std::map<std::string, const Weight*> known;
  visit(from, [&](const Weight& weight, Role) { known[weight.name] = &weight; });
  for (const Parameter& p : to.list()) {
    if (!p.name.starts_with(prefix)) continue;
    const auto at = known.find(p.name);
    check(at != known.end(), ErrorCode::mismatch, "{}: the model to copy from has none", p.name);
    const Weight& weight = *at->second;
    check(weight.rows == p.weight->rows && weight.cols == p.weight->cols, ErrorCode::mismatch,
          "{}: [{}, {}] in the model to copy from, expected [{}, {}]", p.name, weight.rows,
          weight.cols, p.weight->rows, p.weight->cols);
    copy_values(weight, to.values(p).data());
  }
}

void initialize(Parameters& parameters, const Config& config, const std::string& family,
                uint64_t seed, const std::string& skip) {
  int64_t index = 0;
  for (const Parameter& part : parameters.list()) {
    const uint64_t stream = stream_of(Stream::weights, index++);
    if (!skip.empty() && part.name.starts_with(skip)) continue;
    const std::span<float> values = parameters.values(part);
    fill(values, draw_of(part, config, family), seed, stream);
    const bool table = has(part.name, "tokens");
    if (!table || family.starts_with("t5") || config.pad < 0 || config.pad >= part.weight->rows)
      continue;
    const auto width = static_cast<size_t>(part.weight->cols);
    std::ranges::fill(values.subspan(static_cast<size_t>(config.pad) * width, width), 0.F);
  }
}

}  // namespace transept
