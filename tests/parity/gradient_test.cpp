// The gradient of every parameter of the tiny models against the reference framework's, through the
// names of io/import; and the laws of the tape: recording changes no bit, nor do threads.
#include <fmt/format.h>

#include "io/import/import.h"
#include "model/parameters.h"
#include "model/teacher_forcing.h"
#include "ops/linear.h"
#include "support/golden.h"

namespace transept::testing {
namespace {

constexpr float kSmoothing = 0.1F;

// A model of the fixtures that can be trained.
struct TrainingRig {
  explicit TrainingRig(const std::string& name, const KernelTable& table, int n_threads = 1)
      : pool(n_threads),
        kernels(table),
        checkpoint(load_checkpoint(fixtures() / "models" / name, pool, {.kernels = &table})) {
    visit(*checkpoint.model, [&](const Weight& w, Role) { f32 = f32 && w.dtype == DType::f32; });
    model.config = checkpoint.model->config;
    visit(model, [](const std::string&, Weight&, int, int, Role) {});
    parameters = std::make_unique<Parameters>(model);
    std::map<std::string, const Weight*> stored;
    visit(*checkpoint.model, [&](const Weight& w, Role) { stored[w.name] = &w; });
    for (const Parameter& p : parameters->list()) {
      if (f32) copy_values(*stored.at(p.name), parameters->values(p).data());
    }
    parameters->repack(pool, kernels);
  }

  LossSum run(const Examples& examples, const Dropout& dropout = {}, bool record = true) {
    arena.clear();
    tape.clear();
    parameters->clear_gradients(pool);
    Context c{arena, pool, kernels};
    if (record) c.tape = &tape;
    c.dropout = dropout;
    c.in_pairs = in_pairs;
    const LossSum sum = teacher_forcing(c, model, examples, {.label_smoothing = kSmoothing});
    if (record) tape.backward();
    return sum;
  }

  [[nodiscard]] std::vector<float> gradients() {
    const auto all = parameters->gradients();
    return {all.begin(), all.end()};
  }

  Arena arena;
  ThreadPool pool;
  const KernelTable& kernels;
  Checkpoint checkpoint;
  bool f32 = true;
  bool in_pairs = false;  // products in bf16
  Transformer model;
  std::unique_ptr<Parameters> parameters;
  Tape tape;
};

Examples golden_examples(const std::string& name) {
  const Golden golden(name);
  Examples e;
  for (uint32_t i = 0; i < 3; ++i) {
    const auto source = golden.tokens(fmt::format("source.{}", i));
    const auto target = golden.tokens(fmt::format("target.{}", i));
    const auto labels = golden.tokens(fmt::format("labels.{}", i));
    if (!source.empty()) e.source.add(static_cast<int>(source.size()), 0, i);
    e.target.add(static_cast<int>(target.size()), 0, i);
    e.source_tokens.insert(e.source_tokens.end(), source.begin(), source.end());
    e.inputs.insert(e.inputs.end(), target.begin(), target.end());
    e.labels.insert(e.labels.end(), labels.begin(), labels.end());
  }
  e.weights.assign(e.labels.size(), 1.F);
  return e;
}

// Of an encoder alone there is none: it has no loss.
bool has_reference(const std::string& model) {
  return std::filesystem::exists(fixtures() / "models" / model / "gradients.safetensors");
}

class Gradient : public ::testing::TestWithParam<Case> {};

// The tensor of the foreign file that holds ours, laid out as there.
std::vector<float> foreign_layout(const Source& source, const Parameter& p, const float* ours) {
  std::vector<float> out(ours, ours + p.size());
  if (!source.transposed) return out;
  const auto rows = static_cast<size_t>(p.weight->rows);
  const auto cols = static_cast<size_t>(p.weight->cols);
  for (size_t r = 0; r < rows; ++r)
    for (size_t col = 0; col < cols; ++col) out[col * rows + r] = ours[r * cols + col];
  return out;
}

// Pieces of a tensor that ours are parts of, by the file's name.
struct Whole {
  int rows = 0;  // of [rows, cols], as the file has it
  int cols = 0;
  std::vector<float> values;
};

TEST_P(Gradient, EqualsTheReference) {
  TrainingRig rig(GetParam().model, *GetParam().kernels);
  if (!rig.f32) GTEST_SKIP() << "stored in 16 bits";
  const auto file =
      SafetensorsFile::open(fixtures() / "models" / GetParam().model / "gradients.safetensors");
  const auto floats = [&](const std::string& name) {
    const StoredTensor* tensor = file.find(name);
    std::vector<float> out;
    if (tensor == nullptr) return out;
    out.resize(tensor->size_bytes / sizeof(float));
    file.read(*tensor, 0, std::as_writable_bytes(std::span(out)));
    return out;
  };
  const LossSum sum = rig.run(golden_examples(GetParam().model));
  EXPECT_NEAR(sum.loss, floats("loss")[0], 1e-5 * sum.loss);

  const Imported imported =
      import_model(JsonDocument::parse(rig.checkpoint.config_json, "config.json").root(),
                   [&](const std::string&, const std::vector<std::string>&) {
                     return !rig.model.config.head.tied;
                   });
  std::map<std::string, Whole> wholes;
  for (const Parameter& p : rig.parameters->list()) {
    const Source& source = imported.names.sources.at(p.name);
    const float* grad = rig.parameters->gradients(p).data();
    Whole& whole = wholes[source.name];
    const int rows = source.transposed ? p.weight->cols : p.weight->rows;
    const int cols = source.transposed ? p.weight->rows : p.weight->cols;
    const std::vector<float> piece = foreign_layout(source, p, grad);
    // Parts lie side by side in the columns of a [inputs, outputs] tensor or of a vector.
    whole.rows = rows;
    whole.cols = cols * source.parts;
    whole.values.resize(piece.size() * static_cast<size_t>(source.parts));
    for (int r = 0; r < rows; ++r) {
      std::copy_n(&piece[static_cast<size_t>(r * cols)], cols,
                  &whole.values[static_cast<size_t>(r * whole.cols + source.part * cols)]);
    }
  }
  int compared = 0;
  double largest = 0;
  for (const auto& [name, whole] : wholes) {
    std::vector<float> want = floats(name);
    if (want.empty()) continue;
    ++compared;
    double square = 0;
    for (const float v : whole.values) square += double{v} * v;
    const double norm = std::sqrt(square);
    const double tolerance = 2e-5 * (want[0] + 1);
    largest = std::max(largest, std::abs(norm - want[0]) / (want[0] + 1));
    EXPECT_NEAR(norm, want[0], tolerance) << name;
    const size_t n = whole.values.size();
    for (size_t i = 0; i + 1 < want.size(); ++i) {
      const size_t at = i * (n - 1) / (want.size() - 2);
      EXPECT_NEAR(whole.values[at], want[i + 1], tolerance) << name << "[" << at << "]";
    }
  }
  EXPECT_GE(compared, static_cast<int>(wholes.size()) - 4) << "of " << wholes.size();
  RecordProperty("largest", fmt::format("{}", largest));
}

TEST_P(Gradient, RecordingEqualsPlain) {
  TrainingRig rig(GetParam().model, *GetParam().kernels);
  const Examples examples = golden_examples(GetParam().model);
  const LossSum recorded = rig.run(examples);
  const LossSum plain = rig.run(examples, {}, false);
  EXPECT_EQ(recorded.loss, plain.loss);
  EXPECT_EQ(recorded.log_prob, plain.log_prob);
}

TEST_P(Gradient, ThreadsDoNotMatterNorDoesTheTapesPast) {
  const Examples examples = golden_examples(GetParam().model);
  const Dropout dropout{.rate = 0.2F, .attention = 0.1F, .activation = 0.1F, .seed = 5, .step = 3};
  TrainingRig one(GetParam().model, *GetParam().kernels);
  const LossSum sum = one.run(examples, dropout);
  for (const int threads : {2, 3}) {
    TrainingRig many(GetParam().model, *GetParam().kernels, threads);
    for (int repeat = 0; repeat < 2; ++repeat) {
      EXPECT_EQ(many.run(examples, dropout).loss, sum.loss);
      const auto a = one.gradients();
      const auto b = many.gradients();
      EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0) << threads;
    }
  }
}

// Each operand is off by 2^-9 at most. The tiny models' activations are large, T5's the most, which
// the softmaxes magnify; a product that went wrong would be off by as much as the gradient is
// large.
TEST_P(Gradient, InBf16IsNearAndTheSameForAnyNumberOfThreads) {
  if (GetParam().kernels->pairs == nullptr) GTEST_SKIP() << "no products of bf16";
  TrainingRig one(GetParam().model, *GetParam().kernels);
  if (!one.f32) GTEST_SKIP() << "stored in 16 bits";
  const Examples examples = golden_examples(GetParam().model);
  const double want_loss = one.run(examples).loss;
  const std::vector<float> want = one.gradients();
  one.in_pairs = true;
  const double loss = one.run(examples).loss;
  const std::vector<float> got = one.gradients();
  EXPECT_NE(loss, want_loss);
  EXPECT_NEAR(loss, want_loss, 0.01 * want_loss);
  double size = 0;
  double error = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    size += double{want[i]} * want[i];
    error += (double{got[i]} - want[i]) * (double{got[i]} - want[i]);
  }
  EXPECT_LT(std::sqrt(error / size), 0.25);

  TrainingRig two(GetParam().model, *GetParam().kernels, 2);
  two.in_pairs = true;
  EXPECT_EQ(two.run(examples).loss, loss);
  EXPECT_EQ(std::memcmp(two.gradients().data(), got.data(), got.size() * sizeof(float)), 0);
}

// The same as an encoding for each question: losses to the bit; gradients are summed in another
// order.
TEST_P(Gradient, OneEncodingForManyQuestions) {
  Examples apart = golden_examples(GetParam().model);
  if (apart.source.rows() == 0) GTEST_SKIP() << "a decoder on its own has no input";
  const int first = apart.source.sequences[0].end;
  const int second = apart.source.sequences[1].end;
  const std::vector<Token> tokens = apart.source_tokens;
  Examples shared = apart;
  shared.source = {};
  shared.source.add(first, 0, 0);
  shared.source.add(apart.source.rows() - second, 0, 2);
  shared.source_tokens.assign(tokens.begin(), tokens.begin() + first);
  shared.source_tokens.insert(shared.source_tokens.end(), tokens.begin() + second, tokens.end());
  shared.reads = {0, 0, 1};
  apart.source = {};
  for (const int rows : {first, first, shared.source.rows() - first})
    apart.source.add(rows, 0, static_cast<uint32_t>(apart.source.sequences.size()));
  apart.source_tokens.assign(tokens.begin(), tokens.begin() + first);
  apart.source_tokens.insert(apart.source_tokens.end(), shared.source_tokens.begin(),
                             shared.source_tokens.end());

  TrainingRig rig(GetParam().model, *GetParam().kernels);
  if (!rig.f32) GTEST_SKIP() << "stored in 16 bits";
  EXPECT_EQ(rig.run(shared, {}, false).loss, rig.run(apart, {}, false).loss);
  EXPECT_EQ(rig.run(apart).loss, rig.run(shared).loss);
  const std::vector<float> got = rig.gradients();
  (void)rig.run(apart);
  const std::vector<float> want = rig.gradients();
  float largest = 0;
  for (const float value : want) largest = std::max(largest, std::abs(value));
  EXPECT_GT(largest, 0);
  for (size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(got[i], want[i], 1e-5F * largest) << i;

  shared.reads = {0, 1, 0};
  EXPECT_THROW((void)rig.run(shared), Error);
}

INSTANTIATE_TEST_SUITE_P(Families, Gradient, ::testing::ValuesIn(cases_of(has_reference)),
                         [](const auto& test) {
                           return test_name(test.param.model) + "_" + test.param.kernels->name;
                         });

}  // namespace
}  // namespace transept::testing
