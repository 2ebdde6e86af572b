// The three products of a training step, in f32 and, where the CPU can, in bf16, against the peak
// of the instructions that they use, measured in the same run:
//
//   forward   y = x Wᵀ        inputs   dx = dy W        weights   dW += dyᵀ x
//
//   training_bench [threads] [rows]
//
// With making the operands' packed forms, which a step does anew for each product.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <vector>

#include "base/buffer.h"
#include "kernels/machine.h"
#include "ops/linear.h"

namespace transept {
namespace {

struct Shape {
  int inputs, outputs;
};

class Products {
 public:
  Products(ThreadPool& pool, int rows, Shape shape, bool in_pairs)
      : values_(sizeof(float) * (matrix(rows, shape.inputs) + matrix(rows, shape.outputs) +
                                 2 * matrix(shape.outputs, shape.inputs))),
        c_{arena_, pool, chosen_kernels()} {
    c_.in_pairs = in_pairs;
    auto* next = values_.as<float>();
    const auto take = [&](int n, int k) {
      const Tensor t{next, n, k};
      next += matrix(n, k);
      for (size_t i = 0; i < t.size(); ++i) t.data[i] = static_cast<float>(i % 31) * 0.1F - 1.5F;
      return t;
    };
    x_ = take(rows, shape.inputs);
    dy_ = take(rows, shape.outputs);
    const Tensor w = take(shape.outputs, shape.inputs);
    weight_.name = "w";
    weight_.rows = w.rows;
    weight_.cols = w.cols;
    weight_.values = w.data;
    weight_.grad = take(shape.outputs, shape.inputs).data;
    pack(weight_, pool, c_.kernels);
  }

  double forward() {
    return time([&] { (void)linear(c_, weight_, {}, x_); });
  }
  double to_inputs() {
    const Tensor dx = c_.arena.tensor(x_.rows, x_.cols);
    return time([&] { multiply(c_, dy_, {weight_.f32(), weight_.rows, weight_.cols}, dx, false); });
  }
  double to_weights() {
    const Tensor dw{weight_.grad, weight_.rows, weight_.cols};
    return time([&] { multiply_transposed(c_, dy_, x_, dw); });
  }

 private:
  static size_t matrix(int n, int k) { return static_cast<size_t>(n) * static_cast<size_t>(k); }

  template <class F>
  double time(F&& f) {  // operations per second
    std::vector<double> seconds;
    for (int i = 0; i < 15; ++i) {
      const Arena::Frame frame(c_.arena);
      const auto begin = std::chrono::steady_clock::now();
      f();
      seconds.push_back(
          std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    std::nth_element(seconds.begin(), seconds.begin() + 7, seconds.end());
    return 2.0 * x_.rows * static_cast<double>(weight_.size()) / seconds[7];
  }

  Buffer values_;
  Arena arena_;
  Context c_;
  ConstTensor x_, dy_;
  Weight weight_;
};

void measure(ThreadPool& pool, int rows, bool in_pairs) {
  const KernelTable& kernels = chosen_kernels();
  Team team(pool.size());
  const double peak =
      in_pairs ? measure_pairs_peak(kernels, team) : measure_fma_peak(kernels, team);
  fmt::print("{}: peak {:.0f} GFLOP/s\n", in_pairs ? "bf16" : "f32", peak / 1e9);
  for (const Shape shape : {Shape{256, 256},
                            {256, 1024},
                            {1024, 256},
                            {512, 512},
                            {512, 2048},
                            {2048, 512},
                            {256, 8000}}) {
    Products products(pool, rows, shape, in_pairs);
    fmt::print("  {:>4} x {:<5}", shape.inputs, shape.outputs);
    for (const auto& [name, speed] : {std::pair{"forward", products.forward()},
                                      {"inputs", products.to_inputs()},
                                      {"weights", products.to_weights()}}) {
      fmt::print("   {} {:>5.0f} GFLOP/s {:>3.0f} %", name, speed / 1e9, 100 * speed / peak);
    }
    fmt::print("\n");
  }
}

int run(int threads, int rows) {
  ThreadPool pool(threads);
  fmt::print("instruction set {}, {} threads, {} rows; medians of 15\n", chosen_kernels().name,
             pool.size(), rows);
  measure(pool, rows, false);
  if (chosen_kernels().pairs != nullptr) measure(pool, rows, true);
  return 0;
}

}  // namespace
}  // namespace transept

int main(int argc, char** argv) {
  try {
    return transept::run(argc > 1 ? std::atoi(argv[1]) : 0, argc > 2 ? std::atoi(argv[2]) : 2048);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}
