// The gradient of every parameter against central differences of the loss in double precision, for
// every combination of the switches of Config.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "model/parameters.h"
#include "support/plain_model.h"

namespace transept::testing {
namespace {

constexpr double kSmoothing = 0.1;
constexpr int kVocab = 11;

enum class HeadKind { plain, bias, transform };

// The switches whose combinations count. The others – scales, offsets, widths, numbers of layers –
// follow from them, so that each takes more than one value.
struct Switches {
  NormKind norm;
  NormPlace place;
  bool embedding_norm;
  bool final_norm;
  Positions positions;
  ActivationKind activation;
  bool gate;
  bool bias;
  bool tied;
  HeadKind head;
};

StackConfig stack_of(const Switches& s, int d_model) {
  StackConfig c{
      .layers = 1, .d_model = d_model, .n_heads = 2, .d_head = 3, .d_ff = 5, .vocab = kVocab};
  c.norm = s.norm;
  c.place = s.place;
  c.embedding_norm = s.embedding_norm;
  c.final_norm = s.final_norm;
  c.norm_eps = 0.1F;
  c.positions = s.positions;
  c.max_positions = 8;
  c.position_offset = s.positions == Positions::learned ? 2 : s.gate ? 1 : 0;
  c.relative_buckets = 6;
  c.relative_max_distance = 5;
  c.segments = s.embedding_norm ? 2 : 0;
  c.embedding_scale = s.tied ? 1.5F : 1.F;
  c.query_scale = s.bias ? 0.6F : 1.F;
  c.activation = s.activation;
  c.gate = s.gate;
  c.bias = s.bias;
  return c;
}

Config config_of(const Switches& s) {
  Config c;
  c.family = "test";
  c.shared_embeddings = s.tied;
  c.encoder = stack_of(s, s.tied ? 4 : 6);
  c.decoder = stack_of(s, 4);
  c.decoder.layers = s.gate ? 2 : 1;
  c.decoder.causal = c.decoder.cross = true;
  c.bridge = s.tied ? 0 : 5;
  c.decoder.cross_width = s.tied ? 4 : 5;
  c.head = {.present = true,
            .tied = s.tied,
            .bias = s.head != HeadKind::plain,
            .scale = s.tied ? 0.5F : 1.F};
  c.head.transform = s.head == HeadKind::transform;
  c.head.transform_activation = s.activation;
  return c;
}

Examples some_examples(bool with_source) {
  Examples e;
  if (with_source) {
    e.source.add(3, 0, 0);
    e.source.add(1, 0, 1);
    e.source_tokens = {3, 5, 3, 7};
  }
  e.target.add(3, 0, 0);
  e.target.add(2, 0, 1);
  e.inputs = {0, 3, 9, 0, 4};
  e.labels = {3, 9, 1, 4, 1};
  e.weights = {1, 0, 1, 0.25F, 1};
  return e;
}

// The model with its gradients, and its double.
class Pair {
 public:
  explicit Pair(const Config& config) : plain(config) {
    check_config(config);
    model.config = config;
    visit(model, [](const std::string&, Weight&, int, int, Role) {});
    parameters.emplace(model);
    std::mt19937 random(7);
    std::normal_distribution<double> normal;
    for (const Parameter& p : parameters->list()) {
      Matrix& copy = plain.weights[p.name] = Matrix(p.weight->rows, p.weight->cols);
      const bool gain = p.name.ends_with(".gain");
      for (size_t i = 0; i < p.size(); ++i) {
        const auto value = static_cast<float>((gain ? 1 : 0) + 0.4 * normal(random));
        parameters->values(p)[i] = value;
        copy.v[i] = double{value};
      }
    }
    parameters->repack(pool, chosen_kernels());
  }

  double run(const Examples& examples) {
    arena.clear();
    tape.clear();
    parameters->clear_gradients(pool);
    Context c{arena, pool, chosen_kernels()};
    c.tape = &tape;
    const LossSum sum =
        teacher_forcing(c, model, examples, {.label_smoothing = static_cast<float>(kSmoothing)});
    tape.backward();
    return sum.loss;
  }

  ThreadPool pool{1};
  Arena arena;
  Tape tape;
  Transformer model;
  std::optional<Parameters> parameters;
  PlainModel plain;
};

// The slope of the loss along a random direction of one parameter, both ways.
void expect_slopes(Pair& pair, const Examples& examples, const std::string& what) {
  const double loss = pair.run(examples);
  ASSERT_NEAR(loss, pair.plain.loss(examples, kSmoothing), 2e-5 * (1 + std::abs(loss))) << what;
  constexpr double kStep = 1e-6;  // small: relu has a kink
  std::mt19937 random(11);
  for (const Parameter& p : pair.parameters->list()) {
    std::vector<double>& values = pair.plain.weights.at(p.name).v;
    const std::vector<double> kept = values;
    std::vector<double> direction(values.size());
    double slope = 0;
    double size = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const double gradient = double{pair.parameters->gradients(p)[i]};
      direction[i] = (random() & 1U) != 0 ? 1 : -1;
      slope += gradient * direction[i];
      size += std::abs(gradient);
    }
    double difference = 0;
    for (const int sign : {1, -1}) {
      for (size_t i = 0; i < values.size(); ++i) values[i] = kept[i] + sign * kStep * direction[i];
      difference += sign * pair.plain.loss(examples, kSmoothing);
    }
    values = kept;
    EXPECT_NEAR(slope, difference / (2 * kStep), 2e-5 * (1 + size)) << what << ' ' << p.name;
    if (::testing::Test::HasFailure()) return;
  }
}

class Difference : public ::testing::TestWithParam<Positions> {};

TEST_P(Difference, EveryCombinationOfSwitches) {
  const Examples examples = some_examples(true);
  int combinations = 0;
  for (const NormKind norm : {NormKind::layer, NormKind::rms})
    for (const NormPlace place : {NormPlace::pre, NormPlace::post})
      for (const ActivationKind activation :
           {ActivationKind::relu, ActivationKind::gelu_erf, ActivationKind::gelu_tanh,
            ActivationKind::silu, ActivationKind::tanh})
        for (const HeadKind head : {HeadKind::plain, HeadKind::bias, HeadKind::transform})
          for (int bits = 0; bits < 32; ++bits) {
            const Switches s{
                norm,       place,           (bits & 1) != 0, (bits & 2) != 0,  GetParam(),
                activation, (bits & 4) != 0, (bits & 8) != 0, (bits & 16) != 0, head};
            const Config config = config_of(s);
            Pair pair(config);
            expect_slopes(pair, examples, describe(config));
            if (HasFailure()) return;
            ++combinations;
          }
  EXPECT_EQ(combinations, 2 * 2 * 5 * 3 * 32);
}

INSTANTIATE_TEST_SUITE_P(Positions, Difference,
                         ::testing::Values(Positions::none, Positions::learned,
                                           Positions::sinusoid_halves, Positions::sinusoid_fairseq,
                                           Positions::relative),
                         [](const auto& test) { return std::string(name_of(test.param)); });

TEST(Difference, ADecoderAlone) {
  for (const Positions positions : {Positions::learned, Positions::relative}) {
    Config config = config_of({NormKind::layer, NormPlace::pre, false, true, positions,
                               ActivationKind::gelu_tanh, false, true, true, HeadKind::plain});
    config.encoder = {};
    config.shared_embeddings = false;
    config.decoder.cross = false;
    config.decoder.cross_width = 0;
    Pair pair(config);
    expect_slopes(pair, some_examples(false), describe(config));
  }
}

}  // namespace
}  // namespace transept::testing
