#include "model/blocks.h"

#include <algorithm>

#include "model/positions.h"
#include "ops/embed.h"

namespace transept {
namespace {

void check_inputs(const Context& c, const StackConfig& stack, const Batch& batch,
                  std::span<const Token> tokens) {
  for (size_t i = 0; i < tokens.size(); ++i) {
    check(tokens[i] >= 0 && tokens[i] < stack.vocab, ErrorCode::bad_data,
          "{} token {} is {}: not an id of a vocabulary of {}", c.site.stack, i, tokens[i],
          stack.vocab);
  }
  if (stack.max_positions == 0) return;
  for (const Sequence& s : batch.sequences) {
    const int length = s.position + s.end - s.begin;
    check(length <= stack.max_positions, ErrorCode::limit,
          "{} tokens for the {}, which has {} positions: shorten the text or cut it into pieces",
          length, c.site.stack, stack.max_positions);
  }
}

// While recording: which example and position each row is, for dropout.
void place_rows(Context& c, const Batch& batch) {
  if (c.tape == nullptr) return;
  auto places = std::make_shared<std::vector<RowPlace>>();
  for (const Sequence& s : batch.sequences) {
    for (int r = s.begin; r < s.end; ++r)
      places->push_back({s.example, static_cast<uint32_t>(s.position + r - s.begin)});
  }
  c.places = std::move(places);
}

// Keys and values of the source's rows, sequence by sequence.
Tensor attend_to_rows(Context& c, const Attention& w, const StackConfig& stack, const Batch& batch,
                      ConstTensor q, const CrossSource& source) {
  const auto [k, v] = linear(c, source.rows, w.k, w.v);  // [source rows, n_heads * d_head]
  std::vector<RowsItem> items;
  items.reserve(batch.sequences.size());
  for (size_t i = 0; i < batch.sequences.size(); ++i) {
    const Sequence& s = batch.sequences[i];
    // Neighbours that read one input are one item: its rows get one gradient.
    if (i > 0 && !source.reads.empty() && source.reads[i] == source.reads[i - 1]) {
      items.back().query_end = s.end;
      continue;
    }
    const size_t read = source.reads.empty() ? i : static_cast<size_t>(source.reads[i]);
    const Sequence& from = source.batch->sequences[read];
    items.push_back({s.begin, s.end, from.begin, from.end, false, static_cast<int>(i)});
  }
  return attention(c, q, k, v, items,
                   {stack.n_heads, stack.query_scale, {}, c.dropout.attention, stack.keys});
}

}  // namespace

Residual::Residual(Context& c, const Stack& w, const StackConfig& stack, Tensor x)
    : c_(c), place_(stack.place), has_final_(w.final_norm.has_value()), x_(x), read_(x) {
  for (const Layer& layer : w.layers) {
    norms_.push_back(&layer.self_norm);
    if (stack.cross) norms_.push_back(&layer.cross_norm);
    norms_.push_back(&layer.ffn_norm);
  }
  if (has_final_) norms_.push_back(&*w.final_norm);
  if (place_ == NormPlace::pre && !norms_.empty()) read_ = norm(c, *norms_[next_++], x);
}

void Residual::take(Tensor y) {
  if (next_ == norms_.size()) {  // pre-norm without a final one
    x_ = transept::add(c_, x_, y);
    return;
  }
  const Norm& n = *norms_[next_++];
  if (c_.tape != nullptr) {
    x_ = transept::add(c_, x_, y);
    read_ = norm(c_, n, x_);
  } else {
    norm_sum_rows(c_, n, x_, y, read_);
  }
  if (place_ == NormPlace::post) x_ = read_;
}

Tensor Residual::finish() {
  if (!has_final_) return x_;
  return place_ == NormPlace::pre ? read_ : norm_in_place(c_, *norms_[next_], x_);
}

ConstTensor cross_source(Context& c, const Transformer& model, ConstTensor hidden) {
  return model.bridge ? ConstTensor(linear(c, *model.bridge, hidden)) : hidden;
}

Tensor feed_forward(Context& c, const FeedForward& w, ActivationKind kind, ConstTensor x) {
  Tensor h;  // [rows, d_ff]
  if (w.gate) {
    const auto [up, gate] = linear(c, x, w.up, *w.gate);
    h = activate_gated(c, kind, gate, up);
  } else {
    h = activate(c, kind, linear(c, w.up, x));
  }
  return linear(c, w.down, dropout(c, h, c.dropout.activation));
}

Tensor self_attention(Context& c, const Attention& w, const StackConfig& stack, const Batch& batch,
                      ConstTensor x, const RelativeBias& bias, std::span<DecodeState* const> states,
                      int layer) {
  const auto [q, k, v] = linear(c, x, w.q, w.k, w.v);  // [rows, n_heads * d_head]
  if (states.empty()) {
    std::vector<RowsItem> items;
    items.reserve(batch.sequences.size());
    for (const Sequence& s : batch.sequences) {
      items.push_back(
          {s.begin, s.end, s.begin, s.end, stack.causal, static_cast<int>(items.size())});
    }
    return linear(
        c, w.o,
        attention(c, q, k, v, items,
                  {stack.n_heads, stack.query_scale, bias, c.dropout.attention, stack.keys}));
  }
  constexpr int64_t kGrain = 4;  // rows: about as long as waking a thread takes
  std::vector<AttentionItem> items(batch.sequences.size());
  // k = k: C++20 allows to capture a binding, Clang 14 does not.
  const auto append = [&, k = k, v = v](int64_t first, int64_t last) {
    for (auto i = static_cast<size_t>(first); i < static_cast<size_t>(last); ++i) {
      const Sequence& s = batch.sequences[i];
      KeyValues& cache = states[i]->layer(layer);
      cache.append(c.kernels, k, v, s.begin, s.end);
      items[i] = {s.begin, s.end, cache.view(), s.position, stack.causal, static_cast<int>(i)};
    }
  };
  c.pool.parallel_for(static_cast<int64_t>(items.size()), kGrain, append);
  return linear(c, w.o, attention(c, q, items, stack.n_heads, stack.query_scale, bias));
}

Tensor cross_attention(Context& c, const Attention& w, const StackConfig& stack, const Batch& batch,
                       ConstTensor x, const CrossSource& source, int layer) {
  const Tensor q = linear(c, w.q, x);
  if (source.batch != nullptr) {
    return linear(c, w.o, attend_to_rows(c, w, stack, batch, q, source));
  }
  const auto memories = source.memories;
  std::vector<AttentionItem> items;
  items.reserve(batch.sequences.size());
  for (size_t i = 0; i < batch.sequences.size(); ++i) {
    const Sequence& s = batch.sequences[i];
    // Neighbours with one Memory (beams, prompts) are one item: its keys and values are read once
    // for all of them.
    const bool same =
        i > 0 && c.observer == nullptr && memories[i]->shares_storage(*memories[i - 1]);
    if (same) {
      items.back().query_end = s.end;
    } else {
      items.push_back({s.begin, s.end, memories[i]->layer(layer), 0, false, static_cast<int>(i)});
    }
  }
  return linear(c, w.o, attention(c, q, items, stack.n_heads, stack.query_scale));
}

Tensor embed_inputs(Context& c, const Stack& w, const StackConfig& stack, const Batch& batch,
                    std::span<const Token> tokens) {
  check_inputs(c, stack, batch, tokens);
  place_rows(c, batch);
  Tensor x = embed(c, *w.tokens, tokens, stack.embedding_scale);
  if (stack.positions != Positions::none && stack.positions != Positions::relative) {
    add_positions(c, stack, w.positions, batch, x);
  }
  if (stack.segments > 0) {
    const std::vector<Token> first(tokens.size(), 0);
    add_rows(c, x, w.segments, first);
  }
  if (w.embedding_norm) x = norm_in_place(c, *w.embedding_norm, x);
  x = dropout(c, x, c.dropout.rate);
  c.emit("embedded", x);
  return x;
}

RelativeBias batch_bias(Context& c, const Stack& w, const StackConfig& stack, const Batch& batch) {
  if (stack.positions != Positions::relative) return {};
  int longest = 1;
  for (const Sequence& s : batch.sequences)
    longest = std::max(longest, s.position + s.end - s.begin);
  return relative_bias(c, stack, w.relative_bias, 1 - longest, stack.causal ? 0 : longest - 1);
}

}  // namespace transept
