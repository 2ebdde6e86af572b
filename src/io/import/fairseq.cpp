#include "io/import/fairseq.h"

#include <fmt/format.h>

#include <cmath>

namespace transept {
namespace {

void name_stack(Names& names, const std::string& side, const StackConfig& s) {
  const std::string stack = "model." + side;
  for (int i = 0; i < s.layers; ++i) {
    const std::string ours = fmt::format("{}.{}", side, i);
    const std::string theirs = fmt::format("{}.layers.{}", stack, i);
    const auto attention = [&](const char* our_part, const char* their_part) {
      const std::string to = ours + "." + our_part;
      const std::string from = theirs + "." + their_part;
      names.linear(to + ".q", from + ".q_proj");
      names.linear(to + ".k", from + ".k_proj");
      names.linear(to + ".v", from + ".v_proj");
      names.linear(to + ".o", from + ".out_proj");
      names.norm(to + "_norm", from + "_layer_norm");
    };
    attention("self", "self_attn");
    if (s.cross) attention("cross", "encoder_attn");
    names.linear(ours + ".ffn.up", theirs + ".fc1");
    names.linear(ours + ".ffn.down", theirs + ".fc2");
    names.norm(ours + ".ffn_norm", theirs + ".final_layer_norm");
  }
  names.norm(side + ".embedding_norm", stack + ".layernorm_embedding");
  names.norm(side + ".final_norm", stack + ".layer_norm");
}

}  // namespace

StackConfig read_fairseq_stack(const ConfigReader& reader, const std::string& side,
                               const char* activation) {
  StackConfig s;
  s.layers = reader.layers(side + "_layers", 12);
  s.d_model = reader.size("d_model", 1024);
  s.n_heads = reader.size(side + "_attention_heads", 16);
  s.d_ff = reader.size(side + "_ffn_dim", 4096);
  s.d_head = reader.head_width(side + "_attention_heads", s.n_heads, s.d_model);
  s.norm = NormKind::layer;
  s.norm_eps = 1e-5F;  // torch's default; no key in config.json
  s.query_scale = 1 / std::sqrt(static_cast<float>(s.d_head));
  s.activation = reader.activation("activation_function", activation);
  s.bias = true;
  if (side == "decoder") {
    s.causal = true;
    s.cross = true;
    s.cross_width = s.d_model;
  }
  return s;
}

void name_fairseq_stacks(Names& names, const Config& config) {
  names.prefix = "model.";
  name_stack(names, "encoder", config.encoder);
  name_stack(names, "decoder", config.decoder);
}

}  // namespace transept
