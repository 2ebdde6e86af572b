#include "trace/recorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "generate/step.h"
#include "trace/value_norms.h"

namespace transept {
namespace {

// Keeps the rows of "decoder.<layer>.<self|cross>.probs" as they come, and the latest logits.
class AttentionRecorder : public Observer {
 public:
  AttentionRecorder(int layers, int heads)
      : heads_(heads),
        self_(static_cast<size_t>(layers) * static_cast<size_t>(heads)),
        cross_(self_.size()) {}

  void on(const std::string& site, int /*sequence*/, ConstTensor tensor) override {
    if (site == "logits") logits_.assign(tensor.data, tensor.data + tensor.size());
    constexpr std::string_view kStack = "decoder.";
    if (!site.starts_with(kStack) || !site.ends_with(".probs")) return;
    size_t layer = 0;
    const char* at = site.data() + kStack.size();
    at = std::from_chars(at, site.data() + site.size(), layer).ptr;
    const std::string_view part(at, static_cast<size_t>(site.data() + site.size() - at));
    std::vector<Rows>& maps = part == ".cross.probs" ? cross_ : self_;
    const int queries = tensor.rows / heads_;
    for (int i = 0; i < tensor.rows; ++i) {
      Rows& rows = maps[layer * static_cast<size_t>(heads_) + static_cast<size_t>(i / queries)];
      rows.emplace_back(tensor.row(i), tensor.row(i) + tensor.cols);
    }
  }

  [[nodiscard]] std::span<const float> logits() const { return logits_; }
  [[nodiscard]] std::vector<Explanation::Map> self(size_t positions) const {
    return maps(self_, positions, positions);
  }
  [[nodiscard]] std::vector<Explanation::Map> cross(size_t positions, size_t keys) const {
    return maps(cross_, positions, keys);
  }

 private:
  using Rows = std::vector<std::vector<float>>;

  // [positions, keys]; a self-attention row ends at its own position, the rest is 0.
  [[nodiscard]] std::vector<Explanation::Map> maps(const std::vector<Rows>& all, size_t positions,
                                                   size_t keys) const {
    std::vector<Explanation::Map> result;
    for (size_t i = 0; i < all.size(); ++i) {
      Explanation::Map map{static_cast<int>(i) / heads_, static_cast<int>(i) % heads_, {}};
      map.weights.assign(positions * keys, 0.F);
      for (size_t row = 0; row < std::min(positions, all[i].size()); ++row) {
        const std::vector<float>& from = all[i][row];
        std::copy_n(from.begin(), std::min(keys, from.size()),
                    map.weights.begin() + static_cast<std::ptrdiff_t>(row * keys));
      }
      result.push_back(std::move(map));
    }
    return result;
  }

  int heads_;
  std::vector<Rows> self_;  // layer * heads + head
  std::vector<Rows> cross_;
  std::vector<float> logits_;  // of the last position
};

class Tracer {
 public:
  Tracer(Context& c, const Transformer& model, const TraceOptions& options)
      : c_(c),
        model_(model),
        options_(options),
        recorder_(model.config.decoder.layers, model.config.decoder.n_heads) {}

  void run(Explanation& e, const Memory& memory, GenerateOptions search,
           const std::vector<Token>& prompt) {
    search.beams = 1;
    search.n_best = 1;
    search.sample = false;
    search.speculate = 0;  // a step is a token
    search.max_new_tokens = options_.steps;
    const std::vector<Token> start = decoder_prompt(search, model_.config, prompt);
    e.n_prompt = static_cast<int>(std::min(prompt.size(), start.size()));
    e.n_start = static_cast<int>(start.size()) - e.n_prompt;
    for (const Token token : start) e.target.push_back(piece(token));
    const auto session = make_session(model_.config, search, prompt, memory);
    for (int step = 0; step < options_.steps && !session->finished(); ++step) {
      take_step(e, *session);
    }
    const size_t positions = e.target.size();
    e.self = recorder_.self(positions);
    if (model_.config.decoder.cross)
      e.cross = recorder_.cross(positions, static_cast<size_t>(memory.rows()));
  }

  [[nodiscard]] Explanation::Piece piece(Token id) const {
    if (options_.tokenizer == nullptr) return {id, fmt::format("{}", id)};
    std::string text = options_.tokenizer->piece(id);
    return {id, text.empty() ? fmt::format("<{}>", id) : std::move(text)};
  }

 private:
  void take_step(Explanation& e, Session& session) {
    // Feeding back: the token chosen before becomes a position now.
    if (!e.steps.empty()) e.target.push_back(e.steps.back().chosen.piece);
    c_.observer = &recorder_;
    run_step(c_, model_, step_rows(session));
    c_.observer = nullptr;
    Explanation::Step step;
    step.positions = static_cast<int>(e.target.size());
    const std::vector<double> probabilities = softmax(recorder_.logits());
    step.top = top(probabilities);
    session.advance();
    const std::vector<Token> generated = generated_by(session);
    const Token chosen = generated.back();
    step.chosen = {piece(chosen), probabilities[static_cast<size_t>(chosen)]};
    const std::vector<Token>& eos = model_.config.eos;
    step.finished = std::find(eos.begin(), eos.end(), chosen) != eos.end();
    if (options_.tokenizer != nullptr) step.text = options_.tokenizer->decode(generated);
    e.steps.push_back(std::move(step));
  }

  static std::vector<Token> generated_by(Session& session) {
    if (session.finished()) return session.take_results().front().ids;
    const auto certain = session.certain();
    return {certain.begin(), certain.end()};
  }

  static std::vector<double> softmax(std::span<const float> row) {
    const float largest = *std::max_element(row.begin(), row.end());
    std::vector<double> values(row.begin(), row.end());
    double sum = 0;
    for (double& value : values) {
      value = std::exp(value - static_cast<double>(largest));
      sum += value;
    }
    for (double& value : values) value /= sum;
    return values;
  }

  [[nodiscard]] std::vector<Explanation::Candidate> top(const std::vector<double>& p) const {
    std::vector<Token> ids(p.size());
    std::iota(ids.begin(), ids.end(), 0);
    const size_t n = std::min(static_cast<size_t>(options_.top), ids.size());
    std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(n), ids.end(),
                      [&](Token a, Token b) {
                        const double pa = p[static_cast<size_t>(a)];
                        const double pb = p[static_cast<size_t>(b)];
                        return pa != pb ? pa > pb : a < b;
                      });
    std::vector<Explanation::Candidate> best;
    for (size_t i = 0; i < n; ++i) best.push_back({piece(ids[i]), p[static_cast<size_t>(ids[i])]});
    return best;
  }

  Context& c_;
  const Transformer& model_;
  const TraceOptions& options_;
  AttentionRecorder recorder_;
};

}  // namespace

Explanation trace(Context& c, const Transformer& model, const Memory& memory,
                  const GenerateOptions& search, const std::vector<Token>& prompt,
                  const TraceOptions& options) {
  const Config& config = model.config;
  Explanation e;
  e.family = config.family;
  e.encoder_layers = config.encoder.layers;
  e.decoder_layers = config.decoder.layers;
  e.n_heads = config.has_decoder() ? config.decoder.n_heads : config.encoder.n_heads;
  e.d_model = config.has_encoder() ? config.encoder.d_model : config.decoder.d_model;
  Tracer tracer(c, model, options);
  if (!memory.empty()) {
    for (const Token token : memory.ids()) e.source.push_back(tracer.piece(token));
    for (int row = static_cast<int>(e.source.size()); row < memory.rows(); ++row)
      e.source.push_back({-1, fmt::format("[{}]", row)});  // not of tokens
    const ConstTensor hidden = memory.hidden();
    e.hidden.assign(hidden.data, hidden.data + hidden.size());
    if (options.value_norms) e.value_norms = cross_value_norms(c, model, memory);
  }
  if (config.has_decoder()) {
    check(!config.decoder.cross || !memory.empty(), ErrorCode::usage,
          "explain: this model's decoder reads a memory; give an input");
    check(config.decoder.cross || memory.empty(), ErrorCode::usage,
          "explain: a decoder on its own reads no memory; give a prompt");
  }
  if (config.has_decoder()) tracer.run(e, memory, search, prompt);
  return e;
}

}  // namespace transept
