// transept bench: how fast a model runs here, and what the machine could do at best.
#include "bench/bench.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"
#include "common.h"
#include "kernels/kernels.h"

namespace transept::cli {
namespace {

class BenchVerb : public Verb {
 public:
  void declare(Options& options) override {
    options.positional("model", common_.model, "a model folder, or default");
    common_.declare_shared(options);
    common_.declare_dtype(options);
    common_.declare_keys(options);
    options.number("source-tokens", settings_.source_tokens, 1, 1 << 20, "tokens of each input");
    options.number("output-tokens", settings_.output_tokens, 2, 1 << 20,
                   "tokens of each output; a step is measured half-way");
    options.number("batch-size", settings_.batch, 1, 1 << 16, "inputs at a time");
    options.real("seconds", seconds_, 0.01, 3600, "about how long each measurement takes");
    options.flag("list-isa", list_isa_, "the instruction sets known here, and the one in use");
  }

  void run(Options&) override {
    if (list_isa_) {
      standard_output().write(describe_kernels());
    } else {
      measure();
    }
    standard_output().flush();
  }

 private:
  void measure() {
    if (seconds_) settings_.seconds = *seconds_;
    ThreadPool pool(common_.threads);
    const std::shared_ptr<const Transformer> model =
        load_for_bench(model_folder(common_.model), common_.dtype, common_.keys, pool);
    Arena arena;
    Context c{arena, pool, chosen_kernels()};
    const MachineLimits limits = measure_limits(chosen_kernels(), pool.size());
    const BenchResult result = bench(c, *model, settings_);
    standard_output().write(common_.is_jsonl() ? json(limits, result, pool.size())
                                               : text(limits, result, pool.size()));
  }

  [[nodiscard]] double encoded_per_second(const BenchResult& r) const {
    return settings_.batch * settings_.source_tokens / r.encode_ms * 1e3;
  }
  [[nodiscard]] double decoded_per_second(const BenchResult& r) const {
    return settings_.batch / r.step_ms * 1e3;
  }

  [[nodiscard]] std::string text(const MachineLimits& limits, const BenchResult& r,
                                 int threads) const {
    std::string out = fmt::format(
        "{} kernels, {} threads: {:.1f} GFLOP/s f32, {:.1f} Gop/s int8, {:.1f} GB/s from memory\n"
        "{} x {} source tokens, a step half-way to {} output tokens\n\n"
        "encode {:10.3f} ms {:9.0f} tokens/s\n"
        "step   {:10.3f} ms {:9.0f} tokens/s, of which products {:.0f} %\n\n"
        "{:32} {:>5} {:>14} {:>5} {:>9} {:>7} {:>9} {:>8} {:>9}\n",
        chosen_kernels().name, threads, limits.flops / 1e9, limits.int8_ops / 1e9,
        limits.bytes / 1e9, settings_.batch, settings_.source_tokens, settings_.output_tokens,
        r.encode_ms, encoded_per_second(r), r.step_ms, decoded_per_second(r),
        100 * r.products_ms() / r.step_ms, "product", "times", "shape", "type", "ms", "of step",
        "Gop/s", "GB/s", "of limit");
    for (const ProductSpeed& p : r.products) {
      out +=
          fmt::format("{:32} {:5} {:>14} {:>5} {:9.4f} {:5.1f} % {:9.1f} {:8.1f} {:7.0f} %\n",
                      p.name, p.times, fmt::format("{}x{}x{}", p.rows, p.inputs, p.outputs),
                      name_of(p.storage), p.ms, 100 * p.ms / r.step_ms, p.operations / p.ms / 1e6,
                      p.bytes / p.ms / 1e6, 100 * share_of_limit(p, limits));
    }
    return out;
  }

  [[nodiscard]] std::string json(const MachineLimits& limits, const BenchResult& r,
                                 int threads) const {
    JsonWriter w;
    w.begin_object()
        .member("kernels", chosen_kernels().name)
        .member("threads", threads)
        .member("flops_per_second", limits.flops)
        .member("int8_ops_per_second", limits.int8_ops)
        .member("bytes_per_second", limits.bytes)
        .member("batch", settings_.batch)
        .member("source_tokens", settings_.source_tokens)
        .member("output_tokens", settings_.output_tokens)
        .member("encode_ms", r.encode_ms)
        .member("encode_tokens_per_second", encoded_per_second(r))
        .member("step_ms", r.step_ms)
        .member("decode_tokens_per_second", decoded_per_second(r))
        .key("products")
        .begin_array();
    for (const ProductSpeed& p : r.products) {
      w.begin_object()
          .member("name", p.name)
          .member("times", p.times)
          .member("rows", p.rows)
          .member("inputs", p.inputs)
          .member("outputs", p.outputs)
          .member("dtype", name_of(p.storage))
          .member("ms", p.ms)
          .member("operations", p.operations)
          .member("bytes", p.bytes)
          .member("share_of_limit", share_of_limit(p, limits))
          .end_object();
    }
    w.end_array().end_object();
    return w.take() + "\n";
  }

  CommonOptions common_;
  BenchSettings settings_;
  std::optional<double> seconds_;
  bool list_isa_ = false;
};

}  // namespace

VerbEntry bench_verb() {
  return {"bench", "how fast a model runs, and what the machine could do",
          "transept bench flan-t5-small --dtype int8 --batch-size 32\ntransept bench --list-isa",
          [] { return std::unique_ptr<Verb>(std::make_unique<BenchVerb>()); }};
}

}  // namespace transept::cli
