#include "io/convert.h"

#include <cmath>
#include <map>

#include "base/error.h"
#include "io/checkpoint.h"
#include "ops/linear.h"
#include "text/tokenizer.h"

namespace transept {
namespace {

namespace fs = std::filesystem;

double relative_error(const Weight& weight) {
  const auto cols = static_cast<size_t>(weight.cols);
  std::vector<float> row(cols);
  std::vector<float> kept(cols);
  double off = 0;
  double all = 0;
  for (int r = 0; r < weight.rows; ++r) {
    widen(weight.dtype, weight.values, static_cast<size_t>(r) * cols, cols, row.data());
    unpack_row(weight, r, kept.data());
    for (size_t k = 0; k < cols; ++k) {
      const double d = double{kept[k]} - double{row[k]};
      off += d * d;
      all += double{row[k]} * double{row[k]};
    }
  }
  return all > 0 ? std::sqrt(off / all) : 0;
}

// Of every matrix, measured while loading: afterwards its values are gone.
using Errors = std::map<std::string, double>;

std::vector<ConvertedMatrix> report(const Transformer& model, const Errors& errors) {
  std::vector<ConvertedMatrix> matrices;
  visit(model, [&](const Weight& weight, Role) {
    if (weight.storage == Storage::f32) return;
    matrices.push_back({.name = weight.name,
                        .rows = weight.rows,
                        .cols = weight.cols,
                        .storage = weight.storage,
                        .error = errors.at(weight.name),
                        .product_error = {},
                        .bytes = weight.packed.size()});
  });
  return matrices;
}

// With the error of products where there is an exact model and text for it.
std::vector<ConvertedMatrix> report(const Transformer* exact, const Transformer& converted,
                                    const Errors& errors, const ConvertOptions& options,
                                    ThreadPool& pool) {
  std::vector<ConvertedMatrix> matrices = report(converted, errors);
  if (exact == nullptr) return matrices;
  const auto of_products = product_errors(*exact, converted, options.calibration, pool);
  for (ConvertedMatrix& matrix : matrices) {
    const auto found = of_products.find(matrix.name);
    if (found != of_products.end()) matrix.product_error = found->second;
  }
  return matrices;
}

}  // namespace

std::vector<ConvertedMatrix> convert_checkpoint(const fs::path& from, const fs::path& to,
                                                const ConvertOptions& options, ThreadPool& pool) {
  std::error_code error;
  check(!fs::equivalent(from, to, error), ErrorCode::usage,
        "{}: the result needs a folder of its own", [&] { return to.string(); });
  Errors errors;
  LoadOptions load{.storage = options.storage};
  load.packed = [&](const Weight& weight) {
    if (weight.storage != Storage::f32) errors[weight.name] = relative_error(weight);
  };
  Checkpoint checkpoint = load_checkpoint(from, pool, load);
  check(!checkpoint.is_packed, ErrorCode::unsupported,
        "{}: was converted already; convert the folder that it was made from",
        [&] { return from.string(); });
  std::shared_ptr<const Transformer> exact;
  if (!options.calibration.empty())
    exact = load_checkpoint(from, pool, {.storage = Storage::f32}).model;
  const auto report_all = [&] {
    return report(exact.get(), *checkpoint.model, errors, options, pool);
  };
  std::vector<ConvertedMatrix> matrices = report_all();
  if (options.max_error) {
    for (const ConvertedMatrix& matrix : matrices) {
      if (is_quantized(matrix.storage) &&
          matrix.product_error.value_or(matrix.error) > *options.max_error)
        load.keep_bf16.insert(matrix.name);
    }
    if (!load.keep_bf16.empty()) {
      checkpoint = load_checkpoint(from, pool, load);
      matrices = report_all();
    }
  }
  save_checkpoint(to, *checkpoint.model, checkpoint.config_json, checkpoint.generation_config_json);
  copy_tokenizer(from, to);
  return matrices;
}

}  // namespace transept
