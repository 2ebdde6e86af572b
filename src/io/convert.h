// Another storage type for a whole model folder.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "io/product_errors.h"
#include "model/weights.h"

namespace transept {

struct ConvertOptions {
  Storage storage = Storage::int8;
  // A matrix whose relative error is larger stays in bf16.
  std::optional<double> max_error = {};
  // Where there are any, that error is the one of products on these (product_errors.h).
  std::vector<CalibrationPair> calibration = {};
};

struct ConvertedMatrix {
  std::string name;
  int rows = 0;
  int cols = 0;
  Storage storage{};
  double error = 0;                     // |W' - W| / |W| (Frobenius) of what is stored
  std::optional<double> product_error;  // where there was text to calibrate on
  size_t bytes = 0;
};

// Writes `to` (made if need be): the weights of `from` in that form, as load_checkpoint() reads
// them without converting; its config.json, generation_config.json and tokenizer files as they are.
// f32 writes the reference framework's names and types instead. A report of every matrix. Error
// unsupported if `from` is itself the result of a conversion; usage if both are one folder.
[[nodiscard]] std::vector<ConvertedMatrix> convert_checkpoint(const std::filesystem::path& from,
                                                              const std::filesystem::path& to,
                                                              const ConvertOptions& options,
                                                              ThreadPool& pool);

}  // namespace transept
