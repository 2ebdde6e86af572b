#include "model/teacher_forcing.h"

#include "model/decoder.h"
#include "model/encoder.h"
#include "ops/cross_entropy.h"
#include "ops/embed.h"

namespace transept {
namespace {

// In order, none left out.
bool reads_every_source(const Examples& e) {
  const size_t targets = e.target.sequences.size();
  if (e.reads.empty()) return e.source.sequences.size() == targets;
  int next = 0;
  for (const int read : e.reads) {
    if (read == next) {
      ++next;
    } else if (read != next - 1 || next == 0) {
      return false;
    }
  }
  return e.reads.size() == targets && e.source.sequences.size() == static_cast<size_t>(next);
}

void check_examples(const Transformer& model, const Examples& e) {
  const auto rows = static_cast<size_t>(e.target.rows());
  check(e.inputs.size() == rows && e.labels.size() == rows && e.weights.size() == rows,
        ErrorCode::usage, "{} rows of targets with {} inputs, {} labels and {} weights", rows,
        e.inputs.size(), e.labels.size(), e.weights.size());
  check(model.config.has_decoder() && model.config.head.present, ErrorCode::unsupported,
        "this model has no decoder with an output head: there is no next token to learn");
  for (const Token label : e.labels) {
    check(label >= 0 && label < model.config.decoder.vocab, ErrorCode::bad_data,
          "label {} is not an id of a vocabulary of {}", label, model.config.decoder.vocab);
  }
  if (!model.config.has_encoder()) return;
  check(reads_every_source(e) && e.source_tokens.size() == static_cast<size_t>(e.source.rows()),
        ErrorCode::usage, "{} sources ({} tokens for {} rows) for {} targets",
        e.source.sequences.size(), e.source_tokens.size(), e.source.rows(),
        e.target.sequences.size());
}

// Is there anything to train in what the decoder reads? If not, the encoder runs as in inference
// and keeps nothing.
bool trains_encoder(const Transformer& model) {
  bool trains = false;
  visit(model, [&](const Weight& weight, Role) {
    trains = trains || (weight.grad != nullptr && weight.serves_encoder());
  });
  return trains;
}

ConstTensor encode_source(Context& c, const Transformer& model, const Examples& e) {
  Tape* const tape = c.tape;
  if (!trains_encoder(model)) c.tape = nullptr;
  Tensor hidden = encode(c, model, e.source, e.source_tokens);  // [source rows, d_model]
  c.tape = tape;
  return cross_source(c, model, hidden);
}

}  // namespace

LossSum& LossSum::operator+=(const LossSum& other) {
  loss += other.loss;
  log_prob += other.log_prob;
  weight += other.weight;
  labels += other.labels;
  correct += other.correct;
  return *this;
}

LossSum teacher_forcing(Context& c, const Transformer& model, const Examples& e,
                        const LossOptions& options) {
  check_examples(model, e);
  CrossSource source;
  if (model.config.has_encoder()) {
    source.rows = encode_source(c, model, e);
    source.batch = &e.source;
    source.reads = e.reads;
  }
  const Tensor hidden = decode(c, model, e.target, e.inputs, source, {});
  LossSum sum;
  std::vector<int32_t> rows;
  std::vector<Token> labels;
  std::vector<float> weights;
  for (size_t r = 0; r < e.labels.size(); ++r) {
    if (e.weights[r] == 0) continue;
    rows.push_back(static_cast<int32_t>(r));
    labels.push_back(e.labels[r]);
    weights.push_back(e.weights[r]);
    sum.weight += double{e.weights[r]};
  }
  const bool all = rows.size() == e.labels.size();
  const ConstTensor x = head_input(c, model, all ? hidden : gather_rows(c, hidden, rows));
  const CrossEntropySum loss =
      cross_entropy(c, *model.head.output, model.head.bias, x,
                    {labels, weights, options.label_smoothing, options.gradient_scale});
  sum.loss = loss.loss;
  sum.log_prob = loss.log_prob;
  sum.correct = loss.correct;
  sum.labels = static_cast<int64_t>(rows.size());
  return sum;
}

}  // namespace transept
