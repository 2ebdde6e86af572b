#include "model/decoder.h"

namespace transept {
namespace {

// The output matrix, or those of its rows.
Factor output_factor(const Transformer& model, const OutputSubset* outputs) {
  if (outputs == nullptr) return {model.head.output.get(), &model.head.bias};
  return {&outputs->weight, &outputs->bias};
}

}  // namespace

Tensor decode(Context& c, const Transformer& model, const Batch& batch,
              std::span<const Token> tokens, std::span<const Memory* const> memories,
              std::span<DecodeState* const> states) {
  if (model.config.decoder.cross) {
    for (const Memory* memory : memories) check_belongs(*memory, model);
  }
  return decode(c, model, batch, tokens, CrossSource{.memories = memories}, states);
}

// Like encode, plus one sub-layer: the decoder's rows ask (queries), the source answers (keys and
// values).
Tensor decode(Context& c, const Transformer& model, const Batch& batch,
              std::span<const Token> tokens, const CrossSource& source,
              std::span<DecodeState* const> states) {
  const StackConfig& stack = model.config.decoder;
  const Stack& w = model.decoder;
  c.site = {"decoder"};
  Residual x(c, w, stack, embed_inputs(c, w, stack, batch, tokens));  // [rows, d_model]
  const RelativeBias bias = batch_bias(c, w, stack, batch);
  for (int i = 0; const Layer& l : w.layers) {
    c.site = {"decoder", i, "self"};
    x.add(
        [&](ConstTensor h) { return self_attention(c, l.self, stack, batch, h, bias, states, i); });
    if (stack.cross) {
      c.site.part = "cross";
      x.add([&](ConstTensor h) { return cross_attention(c, l.cross, stack, batch, h, source, i); });
    }
    c.site.part = "ffn";
    x.add([&](ConstTensor h) { return feed_forward(c, l.ffn, stack.activation, h); });
    ++i;
  }
  const Tensor hidden = x.finish();
  c.site = {"decoder"};
  c.emit("hidden", hidden);
  return hidden;
}

ConstTensor head_input(Context& c, const Transformer& model, ConstTensor hidden) {
  const HeadConfig& config = model.config.head;
  const Head& head = model.head;
  check(config.present, ErrorCode::unsupported,
        "this model has no output head: it is an encoder on its own");
  c.site = {};
  ConstTensor x = hidden;
  if (head.transform) {
    const Tensor y = activate(c, config.transform_activation, linear(c, *head.transform, x));
    x = norm_in_place(c, *head.transform_norm, y);
  }
  return config.scale != 1 ? scaled(c, x, config.scale) : x;
}

Tensor logits(Context& c, const Transformer& model, ConstTensor hidden,
              const OutputSubset* outputs) {
  const ConstTensor x = head_input(c, model, hidden);
  const auto [weight, bias] = output_factor(model, outputs);
  const Tensor y = linear(c, *weight, *bias, x);
  c.emit("logits", y);
  return y;
}

std::vector<Scored> best_tokens(Context& c, const Transformer& model, ConstTensor hidden,
                                std::span<const Banned> banned, const OutputSubset* outputs) {
  const Arena::Frame frame(c.arena);
  const ConstTensor x = head_input(c, model, hidden);
  const auto [weight, bias] = output_factor(model, outputs);
  ScreenMaker& screens = outputs == nullptr ? *model.head.screens : *outputs->screens;
  return linear_argmax(c, *weight, *bias, screens.get(c, *weight), x, banned);
}

std::vector<TopOutputs> top_tokens(Context& c, const Transformer& model, ConstTensor hidden,
                                   std::span<const int> k, std::span<const Banned> banned,
                                   const OutputSubset* outputs) {
  const Arena::Frame frame(c.arena);
  const ConstTensor x = head_input(c, model, hidden);
  const auto [weight, bias] = output_factor(model, outputs);
  return linear_top_k(c, *weight, *bias, x, k, banned);
}

}  // namespace transept
