// The same model in double, written down once more as plainly as possible: one sequence, whole
// matrices, nothing shared with src/ but the config, the names of the parameters, and the constants
// of positions. For differences of its loss, which say whether a gradient is right.
#pragma once

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "model/positions.h"
#include "model/teacher_forcing.h"

namespace transept::testing {

struct Matrix {
  int rows = 0;
  int cols = 0;
  std::vector<double> v;

  Matrix() = default;
  Matrix(int r, int c) : rows(r), cols(c), v(static_cast<size_t>(r) * static_cast<size_t>(c)) {}
  double* operator[](int r) {
    return v.data() + static_cast<size_t>(r) * static_cast<size_t>(cols);
  }
  const double* operator[](int r) const {
    return v.data() + static_cast<size_t>(r) * static_cast<size_t>(cols);
  }
};

class PlainModel {
 public:
  explicit PlainModel(const Config& config) : config_(config) {}

  std::map<std::string, Matrix> weights;  // by the names of visit()

  // The sum that teacher_forcing() calls loss.
  [[nodiscard]] double loss(const Examples& e, double smoothing) const {
    double sum = 0;
    for (size_t i = 0; i < e.target.sequences.size(); ++i) {
      const Sequence& target = e.target.sequences[i];
      Matrix memory;
      if (config_.has_encoder()) {
        const Sequence& source = e.source.sequences[i];
        memory = stack("encoder", config_.encoder, part(e.source_tokens, source), {});
        if (config_.bridge > 0) memory = linear("bridge", memory);
      }
      const Matrix hidden = stack("decoder", config_.decoder, part(e.inputs, target), memory);
      const Matrix y = logits(hidden);
      for (int r = 0; r < y.rows; ++r) {
        const auto at = static_cast<size_t>(target.begin + r);
        sum += double{e.weights[at]} * cross_entropy(y, r, e.labels[at], smoothing);
      }
    }
    return sum;
  }

 private:
  static std::vector<Token> part(const std::vector<Token>& all, const Sequence& s) {
    return {all.begin() + s.begin, all.begin() + s.end};
  }

  static double cross_entropy(const Matrix& y, int r, Token label, double smoothing) {
    double largest = y[r][0];
    for (int j = 1; j < y.cols; ++j) largest = std::max(largest, y[r][j]);
    double total = 0;
    double mean = 0;
    for (int j = 0; j < y.cols; ++j) {
      total += std::exp(y[r][j] - largest);
      mean += y[r][j] / y.cols;
    }
    const double norm = largest + std::log(total);
    return (1 - smoothing) * (norm - y[r][label]) + smoothing * (norm - mean);
  }

  [[nodiscard]] const Matrix* find(const std::string& name) const {
    const auto at = weights.find(name);
    return at == weights.end() ? nullptr : &at->second;
  }
  [[nodiscard]] const Matrix& get(const std::string& name) const { return weights.at(name); }

  // x Wᵀ + b
  [[nodiscard]] static Matrix product(const Matrix& x, const Matrix& w, const Matrix* b) {
    Matrix y(x.rows, w.rows);
    for (int r = 0; r < x.rows; ++r) {
      for (int n = 0; n < w.rows; ++n) {
        double sum = b == nullptr ? 0 : (*b)[0][n];
        for (int k = 0; k < x.cols; ++k) sum += x[r][k] * w[n][k];
        y[r][n] = sum;
      }
    }
    return y;
  }
  [[nodiscard]] Matrix linear(const std::string& name, const Matrix& x) const {
    return product(x, get(name + ".weight"), find(name + ".bias"));
  }

  [[nodiscard]] Matrix norm(const std::string& name, const StackConfig& s, Matrix x) const {
    const Matrix& gain = get(name + ".gain");
    const Matrix* shift = find(name + ".shift");
    for (int r = 0; r < x.rows; ++r) {
      double mean = 0;
      if (s.norm == NormKind::layer) {
        for (int k = 0; k < x.cols; ++k) mean += x[r][k] / x.cols;
      }
      double square = 0;
      for (int k = 0; k < x.cols; ++k) square += (x[r][k] - mean) * (x[r][k] - mean) / x.cols;
      const double scale = 1 / std::sqrt(square + double{s.norm_eps});
      for (int k = 0; k < x.cols; ++k) {
        x[r][k] = (x[r][k] - mean) * scale * gain[0][k] + (shift == nullptr ? 0 : (*shift)[0][k]);
      }
    }
    return x;
  }

  static double activated(ActivationKind kind, double x) {
    switch (kind) {
      case ActivationKind::relu:
        return x > 0 ? x : 0;
      case ActivationKind::gelu_erf:
        return x * 0.5 * (1 + std::erf(x / std::sqrt(2.0)));
      case ActivationKind::gelu_tanh:
        return x * 0.5 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
      case ActivationKind::silu:
        return x / (1 + std::exp(-x));
      case ActivationKind::tanh:
        return std::tanh(x);
    }
    return 0;
  }

  static void add(Matrix& x, const Matrix& y) {
    for (size_t i = 0; i < x.v.size(); ++i) x.v[i] += y.v[i];
  }

  // `memory` is null for self-attention.
  [[nodiscard]] Matrix attention(const std::string& name, const StackConfig& s, const Matrix& x,
                                 const Matrix* memory, const Matrix* bias) const {
    const Matrix q = linear(name + ".q", x);
    const Matrix k = linear(name + ".k", memory == nullptr ? x : *memory);
    const Matrix v = linear(name + ".v", memory == nullptr ? x : *memory);
    Matrix mixed(x.rows, s.inner());
    for (int head = 0; head < s.n_heads; ++head) {
      const int first = head * s.d_head;
      for (int r = 0; r < x.rows; ++r) {
        const int seen = memory == nullptr && s.causal ? r + 1 : k.rows;
        std::vector<double> p(static_cast<size_t>(seen));
        double total = 0;
        for (int j = 0; j < seen; ++j) {
          double score = 0;
          for (int i = 0; i < s.d_head; ++i) score += q[r][first + i] * k[j][first + i];
          score *= double{s.query_scale};
          if (bias != nullptr) {
            score += (*bias)[relative_bucket(j - r, !s.causal, s.relative_buckets,
                                             s.relative_max_distance)][head];
          }
          total += p[static_cast<size_t>(j)] = std::exp(score);
        }
        for (int j = 0; j < seen; ++j) {
          for (int i = 0; i < s.d_head; ++i)
            mixed[r][first + i] += p[static_cast<size_t>(j)] / total * v[j][first + i];
        }
      }
    }
    return linear(name + ".o", mixed);
  }

  [[nodiscard]] Matrix feed_forward(const std::string& name, const StackConfig& s,
                                    const Matrix& x) const {
    Matrix up = linear(name + ".up", x);
    const Matrix gate = s.gate ? linear(name + ".gate", x) : Matrix();
    for (size_t i = 0; i < up.v.size(); ++i) {
      up.v[i] =
          s.gate ? activated(s.activation, gate.v[i]) * up.v[i] : activated(s.activation, up.v[i]);
    }
    return linear(name + ".down", up);
  }

  [[nodiscard]] Matrix embedded(const std::string& name, const StackConfig& s,
                                const std::vector<Token>& ids) const {
    const Matrix& table = get(config_.shared_embeddings ? "tokens" : name + ".tokens");
    Matrix x(static_cast<int>(ids.size()), s.d_model);
    for (int r = 0; r < x.rows; ++r) {
      std::vector<float> fixed(static_cast<size_t>(s.d_model));
      const bool sinusoid =
          s.positions == Positions::sinusoid_halves || s.positions == Positions::sinusoid_fairseq;
      if (sinusoid) Sinusoids(s.positions, s.d_model).row(r + s.position_offset, fixed.data());
      for (int k = 0; k < s.d_model; ++k) {
        x[r][k] = table[ids[static_cast<size_t>(r)]][k] * double{s.embedding_scale} +
                  double{fixed[static_cast<size_t>(k)]};
        if (s.positions == Positions::learned)
          x[r][k] += get(name + ".positions")[r + s.position_offset][k];
        if (s.segments > 0) x[r][k] += get(name + ".segments")[0][k];
      }
    }
    return s.embedding_norm ? norm(name + ".embedding_norm", s, x) : x;
  }

  [[nodiscard]] Matrix stack(const std::string& name, const StackConfig& s,
                             const std::vector<Token>& ids, const Matrix& memory) const {
    Matrix x = embedded(name, s, ids);
    const Matrix* bias = find(name + ".relative_bias");
    const auto sublayer = [&](const std::string& norm_name, auto&& f) {
      if (s.place == NormPlace::pre) {
        add(x, f(norm(norm_name, s, x)));
      } else {
        add(x, f(x));
        x = norm(norm_name, s, x);
      }
    };
    for (int i = 0; i < s.layers; ++i) {
      const std::string layer = name + "." + std::to_string(i);
      sublayer(layer + ".self_norm",
               [&](const Matrix& h) { return attention(layer + ".self", s, h, nullptr, bias); });
      if (s.cross) {
        sublayer(layer + ".cross_norm", [&](const Matrix& h) {
          return attention(layer + ".cross", s, h, &memory, nullptr);
        });
      }
      sublayer(layer + ".ffn_norm",
               [&](const Matrix& h) { return feed_forward(layer + ".ffn", s, h); });
    }
    return s.final_norm ? norm(name + ".final_norm", s, x) : x;
  }

  [[nodiscard]] Matrix logits(Matrix x) const {
    if (config_.head.transform) {
      x = linear("head.transform", x);
      for (double& value : x.v) value = activated(config_.head.transform_activation, value);
      x = norm("head.transform_norm", config_.decoder, x);
    }
    for (double& value : x.v) value *= double{config_.head.scale};
    const char* table = config_.shared_embeddings ? "tokens" : "decoder.tokens";
    return product(x, get(config_.head.tied ? table : "head.weight"), find("head.bias"));
  }

  Config config_;
};

}  // namespace transept::testing
