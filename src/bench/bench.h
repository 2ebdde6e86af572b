// How fast a model runs here, beside what the machine could do at best, measured in the same run.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "model/weights.h"
#include "ops/context.h"

namespace transept {

struct MachineLimits {
  double flops = 0;     // multiply-adds in f32, two operations each, all threads together
  double int8_ops = 0;  // the same of the int8 products
  double bytes = 0;     // per second from memory
};

// About a second.
[[nodiscard]] MachineLimits measure_limits(const KernelTable& kernels, int threads);

// A model folder with its matrices, and its keys and values, in that form; "": as it is stored.
[[nodiscard]] std::shared_ptr<const Transformer> load_for_bench(const std::filesystem::path& folder,
                                                                const std::string& dtype,
                                                                const std::string& keys,
                                                                ThreadPool& pool);

struct BenchSettings {
  int source_tokens = 32;
  int output_tokens = 32;
  int batch = 1;
  double seconds = 1;  // about how long each measurement takes
};

// A matrix of the decoder or the head (one entry for those of equal name in every layer), at the
// rows of one step.
struct ProductSpeed {
  std::string name;  // "decoder.*.ffn.up.weight"
  int times = 0;     // per step
  int rows = 0;
  int outputs = 0;
  int inputs = 0;
  Storage storage{};
  double ms = 0;  // of all `times`, with weights that other products have pushed out of the caches
  double operations = 0;  // of all
  double bytes = 0;       // of weights, of all
};

struct BenchResult {
  double encode_ms = 0;  // encoder and cross-attention's keys and values, the whole batch
  double step_ms = 0;    // one token for every sequence, at half of the output
  std::vector<ProductSpeed> products;

  [[nodiscard]] double products_ms() const;
};

// The share of what the machine could do: the larger of operations / peak and bytes / bandwidth,
// over the time.
[[nodiscard]] double share_of_limit(const ProductSpeed& product, const MachineLimits& limits);

// Error unsupported unless the model has an encoder and a decoder.
[[nodiscard]] BenchResult bench(Context& c, const Transformer& model,
                                const BenchSettings& settings);

}  // namespace transept
