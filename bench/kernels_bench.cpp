// Measures the matrix product against what the machine can do: its multiply-add peak and its read
// bandwidth, taken in the same run. One line per shape, rows, threads and place of the weights
// ("hot": the same ones every time; "rotating": a set larger than any cache).
//
//   kernels_bench [--isa avx2] [--dtype f32|bf16|int8|int4|keys] [--threads 1,2] [--rows 1,4]
//                 [--quick] [--processor-time] [--json FILE]
//
// A line's bound is the larger of operations / peak and bytes of weights / bandwidth of memory
// (rotating) or of their place in the caches (hot); its share is bound / time. The peak of int8 is
// that of its own integer instructions, and an int8 product includes quantising its rows. "keys"
// are the products of attention, queries by keys and their shares by values, with both kept in
// int8.
#include <fmt/core.h>

#include <algorithm>
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/half.h"
#include "kernels/int4.h"
#include "kernels/kernels.h"
#include "kernels/machine.h"

namespace transept {
namespace {

struct Options {
  std::string isa;
  std::string dtype = "f32";
  std::string json;
  std::vector<int> threads{1, 2};
  std::vector<int> rows{1, 4, 8, 32, 128, 512};
  bool quick = false;
  Clock clock = Clock::wall;
};

struct Shape {
  int k, n;
};

struct Machine {
  double peak = 0.0;              // operations/s
  std::vector<double> bandwidth;  // bytes/s, one per entry of kSets
};

struct Line {
  Shape shape;
  int threads, rows;
  bool rotating;
  double seconds, flops, bytes, share;
};

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kSets[] = {kMiB / 64, kMiB / 4, kMiB, 4 * kMiB, 16 * kMiB, 128 * kMiB};
constexpr size_t kRotation = 96 * kMiB;  // bytes of weights, at least, for "rotating"

bool is_integer(const std::string& dtype) {
  return dtype == "int8" || dtype == "int4";
}

Machine measure_machine(const KernelTable& kernels, Team& team, const Options& options) {
  const Clock clock = options.clock;
  Machine machine{.peak = is_integer(options.dtype) ? measure_i8_peak(kernels, team, clock)
                                                    : measure_fma_peak(kernels, team, clock),
                  .bandwidth = {}};
  fmt::print("{} thread(s): {:.1f} Gop/s multiply-add peak; reading GB/s", team.size(),
             machine.peak / 1e9);
  for (const size_t set : kSets) {
    machine.bandwidth.push_back(measure_read_bandwidth(kernels, team, set, clock));
    fmt::print("  {} KiB: {:.1f}", set / 1024, machine.bandwidth.back() / 1e9);
  }
  fmt::print("\n");
  return machine;
}

// The bandwidth of the smallest measured set that holds `bytes`.
double bandwidth_of(const Machine& machine, size_t bytes) {
  for (size_t i = 0; i < std::size(kSets); ++i)
    if (bytes <= kSets[i]) return machine.bandwidth[i];
  return machine.bandwidth.back();
}

void fill(float* x, size_t n, uint64_t seed) {
  uint64_t state = seed;
  for (size_t i = 0; i < n; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    x[i] = static_cast<float>(static_cast<int32_t>(state >> 32)) * 0x1p-31f;
  }
}

// Bytes of one panel of weights.
size_t panel_size(const std::string& dtype, int k) {
  if (dtype == "int8") return int8_panel_bytes(k);
  if (dtype == "int4") return int4_panel_bytes(k);
  const size_t element =
      dtype == "keys" ? sizeof(int8_t) : (dtype == "bf16" ? sizeof(uint16_t) : sizeof(float));
  return static_cast<size_t>(k) * kLanes * element;
}

class Product {
 public:
  Product(const KernelTable& kernels, const std::string& dtype, Shape shape, int threads,
          int max_rows, bool rotating)
      : kernels_(kernels),
        dtype_(dtype),
        shape_(shape),
        panel_(panel_size(dtype, shape.k)),
        size_(static_cast<size_t>(panels_for(shape.n)) * panel_),
        copies_(rotating ? 1 + kRotation / size_ : 1),
        weights_(size_ * copies_),
        x_(static_cast<size_t>(max_rows) * static_cast<size_t>(shape.k) * sizeof(float)),
        y_(static_cast<size_t>(max_rows) * static_cast<size_t>(shape.n) * sizeof(float)),
        next_(static_cast<size_t>(threads)) {
    fill(x_.as<float>(), x_.size() / sizeof(float), 2);
    fill_weights();
    for (int thread = 0; thread < threads; ++thread) {
      bytes_.emplace_back(static_cast<size_t>(max_rows) * int8_row_bytes(shape.k));
      scales_.emplace_back(static_cast<size_t>(max_rows));
    }
  }

  [[nodiscard]] size_t weight_bytes() const { return size_; }

  void run(int rows, int thread, int threads) {
    const auto t = static_cast<size_t>(thread);
    const std::byte* packed = weights_.data() + size_ * (next_[t]++ % copies_);
    const int panels = panels_for(shape_.n);
    const int begin = panels * thread / threads;
    const int end = panels * (thread + 1) / threads;
    if (is_integer(dtype_)) return run_integers(rows, t, packed, begin, end);
    const GemmF32 g{.a = x_.as<float>(),
                    .lda = static_cast<size_t>(shape_.k),
                    .packed = dtype_ == "f32" ? reinterpret_cast<const float*>(packed) : nullptr,
                    .panel_stride = static_cast<size_t>(shape_.k) * kLanes,
                    .y = y_.as<float>(),
                    .ldy = static_cast<size_t>(shape_.n),
                    .m = rows,
                    .n = shape_.n,
                    .k = shape_.k,
                    .bias = nullptr};
    if (dtype_ == "f32") {
      kernels_.gemm_f32(g, begin, end);
    } else if (dtype_ == "keys") {
      kernels_.gemm_f32_by_i8(g, reinterpret_cast<const int8_t*>(packed), begin, end);
    } else {
      kernels_.gemm_bf16(g, reinterpret_cast<const uint16_t*>(packed), begin, end);
    }
  }

 private:
  void fill_weights() {
    const auto k = static_cast<size_t>(shape_.k);
    std::vector<float> rows(k * kLanes);
    for (size_t at = 0; at < weights_.size(); at += panel_) {
      std::byte* panel = weights_.data() + at;
      fill(rows.data(), rows.size(), at);
      if (dtype_ == "int8") {
        pack_panel_i8(rows.data(), k, kLanes, shape_.k, panel);
      } else if (dtype_ == "int4") {
        pack_panel_i4(rows.data(), k, kLanes, shape_.k, panel);
      } else if (dtype_ == "f32") {
        std::memcpy(panel, rows.data(), panel_);
      } else if (dtype_ == "keys") {
        auto* integers = reinterpret_cast<int8_t*>(panel);
        for (const float value : rows) *integers++ = static_cast<int8_t>(127 * value);
      } else {
        auto* halves = reinterpret_cast<uint16_t*>(panel);
        for (const float value : rows) *halves++ = to_bfloat16(value);
      }
    }
  }

  // Every thread quantises all rows, as if it were alone: a product of linear() shares that work.
  void run_integers(int rows, size_t thread, const std::byte* packed, int begin, int end) {
    const size_t stride = int8_row_bytes(shape_.k);
    std::vector<uint8_t>& bytes = bytes_[thread];
    std::vector<float>& scales = scales_[thread];
    for (size_t r = 0; r < static_cast<size_t>(rows); ++r) {
      kernels_.quantize_row(x_.as<float>() + r * static_cast<size_t>(shape_.k), shape_.k,
                            bytes.data() + r * stride, &scales[r]);
    }
    const GemmI8 g{.a = bytes.data(),
                   .lda = stride,
                   .a_scale = scales.data(),
                   .packed = packed,
                   .y = y_.as<float>(),
                   .ldy = static_cast<size_t>(shape_.n),
                   .m = rows,
                   .n = shape_.n,
                   .k = shape_.k,
                   .bias = nullptr};
    if (dtype_ == "int8") return kernels_.gemm_i8(g, begin, end);
    multiply_i4(kernels_, g, begin, end);
  }

  const KernelTable& kernels_;
  std::string dtype_;
  Shape shape_;
  size_t panel_, size_, copies_;
  Buffer weights_, x_, y_;
  std::vector<size_t> next_;                 // per thread: whose turn it is
  std::vector<std::vector<uint8_t>> bytes_;  // per thread: its rows in int8
  std::vector<std::vector<float>> scales_;
};

Line measure(const Machine& machine, Team& team, Product& product, Shape shape, int rows,
             bool rotating, Clock clock, double budget) {
  const double seconds = undisturbed_time(
      team, clock, budget, [&](int thread) { product.run(rows, thread, team.size()); });
  const double operations = 2.0 * rows * shape.n * shape.k;
  const auto bytes = static_cast<double>(product.weight_bytes());
  const double reading =
      rotating ? machine.bandwidth.back() : bandwidth_of(machine, product.weight_bytes());
  const double bound = std::max(operations / machine.peak, bytes / reading);
  return {.shape = shape,
          .threads = team.size(),
          .rows = rows,
          .rotating = rotating,
          .seconds = seconds,
          .flops = operations / seconds,
          .bytes = bytes / seconds,
          .share = bound / seconds};
}

void print(const Line& line, const Machine& machine) {
  fmt::print(
      "{:>5} x {:<6} {:>4} rows  {} thread(s)  {:<8}  {:>9.1f} us  {:>6.1f} Gop/s {:>4.0f} "
      "% of peak  {:>6.1f} GB/s  {:>4.0f} % of bound\n",
      line.shape.k, line.shape.n, line.rows, line.threads, line.rotating ? "rotating" : "hot",
      line.seconds * 1e6, line.flops / 1e9, 100.0 * line.flops / machine.peak, line.bytes / 1e9,
      100.0 * line.share);
  std::fflush(stdout);
}

std::string to_json(const KernelTable& kernels, const std::vector<Machine>& machines,
                    const Options& options, const std::vector<Line>& lines) {
  std::string text = fmt::format("{{\"isa\": \"{}\", \"machine\": [", kernels.name);
  for (size_t i = 0; i < machines.size(); ++i) {
    text += fmt::format("{}{{\"threads\": {}, \"peak_flops\": {:.4g}, \"read_bytes_per_s\": {{",
                        i == 0 ? "" : ", ", options.threads[i], machines[i].peak);
    for (size_t j = 0; j < std::size(kSets); ++j)
      text +=
          fmt::format("{}\"{}\": {:.4g}", j == 0 ? "" : ", ", kSets[j], machines[i].bandwidth[j]);
    text += "}}";
  }
  text += "],\n \"" + options.dtype + "\": [";
  for (size_t i = 0; i < lines.size(); ++i) {
    const Line& l = lines[i];
    text += fmt::format(
        "{}\n  {{\"k\": {}, \"n\": {}, \"rows\": {}, \"threads\": {}, \"rotating\": {}, "
        "\"seconds\": {:.4g}, \"flops\": {:.4g}, \"bytes_per_s\": {:.4g}, \"share\": {:.3f}}}",
        i == 0 ? "" : ",", l.shape.k, l.shape.n, l.rows, l.threads, l.rotating, l.seconds, l.flops,
        l.bytes, l.share);
  }
  return text + "\n]}\n";
}

int run(const Options& options) {
  const KernelTable& kernels =
      options.isa.empty() ? chosen_kernels() : kernels_by_name(options.isa);
  fmt::print("instruction set {}\n", kernels.name);
  std::vector<Shape> shapes{{512, 512}, {512, 2048}, {2048, 512}, {256, 1536}, {512, 32128}};
  if (!options.quick) shapes.push_back({512, 65001});
  if (options.dtype == "keys") shapes = {{64, 128}, {64, 4096}, {128, 64}, {4096, 64}};
  const double budget = options.quick ? 0.05 : 0.3;
  std::vector<Machine> machines;
  std::vector<Line> lines;
  for (const int threads : options.threads) {
    Team team(threads);
    machines.push_back(measure_machine(kernels, team, options));
    for (const Shape shape : shapes)
      for (const bool rotating : {false, true}) {
        Product product(kernels, options.dtype, shape, threads,
                        *std::max_element(options.rows.begin(), options.rows.end()), rotating);
        for (const int rows : options.rows) {
          lines.push_back(measure(machines.back(), team, product, shape, rows, rotating,
                                  options.clock, budget));
          print(lines.back(), machines.back());
        }
      }
  }
  if (options.json.empty()) return 0;
  std::FILE* file = std::fopen(options.json.c_str(), "w");
  if (file == nullptr) {
    fmt::print(stderr, "{}: cannot be written\n", options.json);
    return 74;
  }
  fmt::print(file, "{}", to_json(kernels, machines, options, lines));
  return std::fclose(file) == 0 ? 0 : 74;
}

}  // namespace
}  // namespace transept

int main(int argc, char** argv) {
  transept::Options options;
  CLI::App app{"Matrix products against the machine's peak and bandwidth"};
  app.add_option("--isa", options.isa, "Instruction set; default: the best");
  app.add_option("--dtype", options.dtype, "Storage of the weights")
      ->check(CLI::IsMember({"f32", "bf16", "int8", "int4", "keys"}));
  app.add_option("--threads", options.threads, "Numbers of threads")->delimiter(',');
  app.add_option("--rows", options.rows, "Numbers of rows")->delimiter(',');
  app.add_option("--json", options.json, "Also write the results here");
  app.add_flag_callback(
      "--processor-time", [&] { options.clock = transept::Clock::processor; },
      "Count what the busiest thread computed, not what passed: for busy machines");
  app.add_flag("--quick", options.quick, "Fewer shapes, shorter");
  CLI11_PARSE(app, argc, argv);
  try {
    return transept::run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}
