#include "model/encoder.h"

#include "model/blocks.h"

namespace transept {

void check_source(const Config& config, std::span<const Token> ids) {
  check(config.has_encoder(), ErrorCode::unsupported,
        "this model is a decoder on its own: it has no encoder to read an input with");
  check(!ids.empty(), ErrorCode::bad_data,
        "the input is empty; an encoder needs at least one token");
  const int most = config.encoder.max_positions;
  check(most == 0 || ids.size() <= static_cast<size_t>(most), ErrorCode::limit,
        "the input has {} tokens, the encoder has {} positions; shorten or split it", ids.size(),
        most);
  for (const Token id : ids)
    check(id >= 0 && id < config.encoder.vocab, ErrorCode::bad_data,
          "token id {} is not in the vocabulary; ids are 0 to {}", id, config.encoder.vocab - 1);
}

Tensor encode(Context& c, const Transformer& model, const Batch& batch,
              std::span<const Token> tokens) {
  const StackConfig& stack = model.config.encoder;
  const Stack& w = model.encoder;
  c.site = {"encoder"};
  Residual x(c, w, stack, embed_inputs(c, w, stack, batch, tokens));  // [rows, d_model]
  const RelativeBias bias = batch_bias(c, w, stack, batch);
  for (int i = 0; const Layer& l : w.layers) {
    c.site = {"encoder", i, "self"};
    x.add([&](ConstTensor h) { return self_attention(c, l.self, stack, batch, h, bias, {}, i); });
    c.site.part = "ffn";
    x.add([&](ConstTensor h) { return feed_forward(c, l.ffn, stack.activation, h); });
    ++i;
  }
  const Tensor hidden = x.finish();
  c.site = {"encoder"};
  c.emit("hidden", hidden);
  return hidden;
}

std::vector<Memory> encode_memories(Context& c, const Transformer& model,
                                    std::span<const std::vector<Token>> inputs) {
  check(model.config.has_encoder(), ErrorCode::unsupported,
        "this model has no encoder: there is nothing to encode an input with");
  Batch batch;
  std::vector<Token> tokens;
  for (size_t i = 0; i < inputs.size(); ++i) {
    check(!inputs[i].empty(), ErrorCode::usage, "input {} is empty: there is nothing to encode", i);
    batch.add(static_cast<int>(inputs[i].size()));
    tokens.insert(tokens.end(), inputs[i].begin(), inputs[i].end());
  }
  const Arena::Frame frame(c.arena);
  const ConstTensor hidden = encode(c, model, batch, tokens);
  std::vector<MemoryRows> parts;
  parts.reserve(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Sequence& s = batch.sequences[i];
    parts.push_back({s.begin, s.end, inputs[i], {{0, s.end - s.begin}}});
  }
  return make_memories(c, model, hidden, std::move(parts));
}

}  // namespace transept
