// The sub-layers that encoder and decoder are made of.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "model/batch.h"
#include "model/decode_state.h"
#include "model/memory.h"
#include "model/weights.h"
#include "ops/add.h"
#include "ops/dropout.h"
#include "ops/linear.h"
#include "ops/norm.h"

namespace transept {

[[nodiscard]] inline Tensor linear(Context& c, const Linear& l, ConstTensor x) {
  return linear(c, l.weight, l.bias, x);
}

// Several of one x.
template <class... L>
[[nodiscard]] std::array<Tensor, sizeof...(L)> linear(Context& c, ConstTensor x, const L&... l) {
  const Factor by[] = {{&l.weight, &l.bias}...};
  std::array<Tensor, sizeof...(L)> y;
  linear(c, by, x, y);
  return y;
}

inline void norm(Context& c, const Norm& n, ConstTensor x, Tensor y) {
  norm_rows(c, n, x, y);
}

[[nodiscard]] inline Tensor norm(Context& c, const Norm& n, ConstTensor x) {
  Tensor y = c.arena.tensor(x.rows, x.cols);
  norm(c, n, x, y);
  return y;
}

// In place, unless the tape needs the old value.
[[nodiscard]] inline Tensor norm_in_place(Context& c, const Norm& n, Tensor x) {
  if (c.tape != nullptr) return norm(c, n, x);
  norm(c, n, x, x);
  return x;
}

// The rows that flow through a stack, with a residual connection around each of its sub-layers f:
//   pre-norm   x <- x + f(norm(x)), and one more norm at the end
//   post-norm  x <- norm(x + f(x))
// A sum and the norm that follows it, the next sub-layer's where norms come first, are made in one
// pass. In place on x unless recording, which also keeps what f computed on its way.
class Residual {
 public:
  Residual(Context& c, const Stack& w, const StackConfig& stack, Tensor x);

  // The next sub-layer: f(what it reads) [rows, d_model] -> [rows, d_model].
  template <class F>
  void add(F&& f) {
    c_.pause();
    const Arena::Frame frame(c_.arena, c_.tape != nullptr);
    take(dropout(c_, f(ConstTensor(read_)), c_.dropout.rate));
    c_.emit("out", x_);
  }
  // After the last one: [rows, d_model].
  [[nodiscard]] Tensor finish();

 private:
  void take(Tensor y);

  Context& c_;
  NormPlace place_;
  std::vector<const Norm*> norms_;  // in the order in which they are applied
  size_t next_ = 0;
  bool has_final_;
  Tensor x_;
  Tensor read_;  // of the next sub-layer
};

// x [rows, d_model] -> [rows, d_model]
[[nodiscard]] Tensor feed_forward(Context& c, const FeedForward& w, ActivationKind kind,
                                  ConstTensor x);

// Where the rows of a sequence find their keys: in their own rows, or, with a state, there (the new
// rows are appended).
[[nodiscard]] Tensor self_attention(Context& c, const Attention& w, const StackConfig& stack,
                                    const Batch& batch, ConstTensor x, const RelativeBias& bias,
                                    std::span<DecodeState* const> states, int layer);

// What cross-attention reads: the Memory of each sequence or, in training, the encoder's rows of
// the same batch, through which gradients flow back.
struct CrossSource {
  std::span<const Memory* const> memories;
  const Batch* batch = nullptr;  // of `rows`; null: memories
  ConstTensor rows{};            // [batch->rows(), cross_width]
  std::span<const int> reads{};  // which sequence of `batch` each one of the decoder reads,
                                 // ascending; empty: each its own
};

// The encoder's rows as cross-attention reads them: [rows, encoder.d_model] -> [rows, cross_width],
// behind the bridge where the model has one. May be `hidden` itself.
[[nodiscard]] ConstTensor cross_source(Context& c, const Transformer& model, ConstTensor hidden);

// The decoder's rows ask (queries), the source of their sequence answers (keys and values).
[[nodiscard]] Tensor cross_attention(Context& c, const Attention& w, const StackConfig& stack,
                                     const Batch& batch, ConstTensor x, const CrossSource& source,
                                     int layer);

// Token table, positions, segment 0 and embedding norm: [batch.rows(), d_model].
[[nodiscard]] Tensor embed_inputs(Context& c, const Stack& w, const StackConfig& stack,
                                  const Batch& batch, std::span<const Token> tokens);

// T5's bias for all distances that occur in this batch, or nothing for other families.
[[nodiscard]] RelativeBias batch_bias(Context& c, const Stack& w, const StackConfig& stack,
                                      const Batch& batch);

}  // namespace transept
