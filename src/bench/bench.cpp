#include "bench/bench.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "base/error.h"
#include "base/timing.h"
#include "io/checkpoint.h"
#include "kernels/machine.h"
#include "model/decoder.h"
#include "model/encoder.h"
#include "model/random.h"
#include "ops/linear.h"

namespace transept {
namespace {

// The median of calls that take about `seconds` together, three at least.
template <class F>
double median_ms(double seconds, F&& f) {
  std::vector<double> times;
  double total = 0;
  while (times.size() < 3 || total < seconds * 1e3) total += times.emplace_back(milliseconds(f));
  return median(std::move(times));
}

// "decoder.3.ffn.up.weight" -> "decoder.*.ffn.up.weight"
std::string without_layer(const std::string& name) {
  const size_t begin = name.find('.') + 1;
  const size_t end = name.find('.', begin);
  const bool numbered =
      end != std::string::npos && std::isdigit(static_cast<unsigned char>(name[begin])) != 0;
  return numbered ? name.substr(0, begin) + "*" + name.substr(end) : name;
}

// What a step multiplies with: all of the decoder but cross-attention's keys and values, which a
// Memory holds.
bool is_used_by_step(const Transformer& model, const Weight& weight, Role role) {
  if (role != Role::product && role != Role::both) return false;
  if (&weight == model.head.output.get()) return true;
  if (model.bridge && &weight == &model.bridge->weight) return false;
  const auto is_held = [&](const Layer& layer) {
    return &weight == &layer.cross.k.weight || &weight == &layer.cross.v.weight;
  };
  return weight.side == Side::decoder && std::ranges::none_of(model.decoder.layers, is_held);
}

std::vector<ProductSpeed> measure_products(Context& c, const Transformer& model,
                                           const BenchSettings& settings) {
  std::map<std::string, std::vector<const Weight*>> groups;
  visit(model, [&](const Weight& weight, Role role) {
    if (is_used_by_step(model, weight, role)) groups[without_layer(weight.name)].push_back(&weight);
  });
  // In turns, as a step has them, so that none finds its weights in a cache that a step would not.
  std::map<std::string, double> ms;
  const int rounds = 12;
  for (int round = 0; round < rounds; ++round) {
    for (const auto& group : groups) {
      const std::vector<const Weight*>& weights = group.second;
      const Arena::Frame frame(c.arena);
      const Tensor x = c.arena.tensor(settings.batch, weights.front()->cols);
      std::fill_n(x.data, x.size(), 0.5F);
      const double took = milliseconds([&] {
        for (const Weight* weight : weights) (void)linear(c, *weight, {}, x);
      });
      double& best = ms[group.first];
      if (round == 1 || (round > 1 && took < best)) best = took;  // the first warms up
    }
  }
  std::vector<ProductSpeed> products;
  for (const auto& [name, weights] : groups) {
    const Weight& w = *weights.front();
    ProductSpeed p{name,
                   static_cast<int>(weights.size()),
                   settings.batch,
                   w.rows,
                   w.cols,
                   w.storage,
                   ms[name],
                   0,
                   0};
    for (const Weight* weight : weights) {
      p.operations += 2.0 * settings.batch * static_cast<double>(weight->size());
      p.bytes += static_cast<double>(weight->packed.size());
    }
    products.push_back(std::move(p));
  }
  std::ranges::sort(products, std::greater{}, &ProductSpeed::ms);
  return products;
}

}  // namespace

std::shared_ptr<const Transformer> load_for_bench(const std::filesystem::path& folder,
                                                  const std::string& dtype, const std::string& keys,
                                                  ThreadPool& pool) {
  return load_checkpoint(folder, pool, {.storage = storage_named(dtype), .keys = keys_named(keys)})
      .model;
}

MachineLimits measure_limits(const KernelTable& kernels, int threads) {
  Team team(threads);
  constexpr size_t kBeyondCaches = size_t{128} << 20;
  MachineLimits limits;
  limits.flops = measure_fma_peak(kernels, team);
  limits.bytes = measure_read_bandwidth(kernels, team, kBeyondCaches);
  limits.int8_ops = measure_i8_peak(kernels, team);
  return limits;
}

double BenchResult::products_ms() const {
  double sum = 0;
  for (const ProductSpeed& product : products) sum += product.ms;
  return sum;
}

double share_of_limit(const ProductSpeed& product, const MachineLimits& limits) {
  const double peak = is_quantized(product.storage) ? limits.int8_ops : limits.flops;
  const double bound = std::max(product.operations / peak, product.bytes / limits.bytes);
  return bound * 1e3 / product.ms;
}

BenchResult bench(Context& c, const Transformer& model, const BenchSettings& settings) {
  check(model.config.has_encoder() && model.config.has_decoder(), ErrorCode::unsupported,
        "bench measures models with an encoder and a decoder");
  const StackConfig& decoder = model.config.decoder;
  check(decoder.max_positions == 0 || settings.output_tokens <= decoder.max_positions,
        ErrorCode::limit, "{} output tokens: the decoder has {} positions", settings.output_tokens,
        decoder.max_positions);
  std::vector<std::vector<Token>> inputs(static_cast<size_t>(settings.batch));
  for (int i = 0; i < settings.batch; ++i)
    inputs[static_cast<size_t>(i)] =
        varied_tokens(settings.source_tokens, model.config.encoder.vocab, i);
  BenchResult result;
  std::vector<Memory> memories;
  result.encode_ms = median_ms(settings.seconds, [&] {
    c.arena.clear();
    memories = encode_memories(c, model, inputs);
  });
  // Steps from half of the output on, again and again at that length.
  std::vector<DecodeState> states(inputs.size(), DecodeState(decoder));
  std::vector<DecodeState*> state_list;
  std::vector<const Memory*> memory_list;
  Batch prompt;
  std::vector<Token> prompts;
  const int half = std::max(1, settings.output_tokens / 2);
  for (size_t i = 0; i < inputs.size(); ++i) {
    state_list.push_back(&states[i]);
    memory_list.push_back(&memories[i]);
    prompt.add(half);
    const std::vector<Token> tokens = varied_tokens(half, decoder.vocab, static_cast<int>(i));
    prompts.insert(prompts.end(), tokens.begin(), tokens.end());
  }
  (void)decode(c, model, prompt, prompts, memory_list, state_list);
  const std::vector<Token> tokens(inputs.size(), 3);
  result.step_ms = median_ms(settings.seconds, [&] {
    c.arena.clear();
    Batch batch;
    for (DecodeState& state : states) {
      state.truncate(half);
      batch.add(1, half);
    }
    (void)best_tokens(c, model, decode(c, model, batch, tokens, memory_list, state_list), {});
  });
  c.arena.clear();
  result.products = measure_products(c, model, settings);
  return result;
}

}  // namespace transept
