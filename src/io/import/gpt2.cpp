// GPT-2 (Radford et al. 2019; transformers models/gpt2): a decoder on its own, or with
// cross-attention inside an EncoderDecoderModel. Its "Conv1D" stores [inputs, outputs].
#include <fmt/format.h>

#include <cmath>

#include "io/import/bert.h"
#include "io/import/config_reader.h"

namespace transept {
namespace {

void conv1d(Names& names, const std::string& ours, const std::string& theirs, int part = 0,
            int parts = 1) {
  Source& weight = names.tensor(ours + ".weight", theirs + ".weight");
  weight.transposed = true;
  weight.part = part;
  weight.parts = parts;
  Source& bias = names.tensor(ours + ".bias", theirs + ".bias");
  bias.part = part;
  bias.parts = parts;
}

}  // namespace

StackConfig read_gpt2_stack(const Json& json) {
  const ConfigReader reader(json);
  reader.only("scale_attn_by_inverse_layer_idx", false);
  StackConfig s;
  s.layers = reader.layers("n_layer", 12);
  s.d_model = reader.size("n_embd", 768);
  s.n_heads = reader.size("n_head", 12);
  s.d_ff = reader.size("n_inner", 0);
  if (!reader.has("n_inner")) s.d_ff = s.d_model > (1 << 20) ? 0 : 4 * s.d_model;
  s.vocab = reader.size("vocab_size", 50257);
  s.d_head = reader.head_width("n_head", s.n_heads, s.d_model);
  s.norm = NormKind::layer;
  s.place = NormPlace::pre;
  s.final_norm = true;
  s.norm_eps = reader.real("layer_norm_epsilon", 1e-5);
  s.positions = Positions::learned;
  s.max_positions = reader.size("n_positions", 1024);
  const bool scaled = reader.flag("scale_attn_weights", true);
  s.query_scale = scaled ? 1 / std::sqrt(static_cast<float>(s.d_head)) : 1;
  s.activation = reader.activation("activation_function", "gelu_new");
  s.causal = true;
  return s;
}

void name_gpt2_stack(Names& names, const StackConfig& s, const std::string& theirs) {
  names.tensor("decoder.tokens", theirs + "wte.weight");
  names.tensor("decoder.positions", theirs + "wpe.weight");
  for (int i = 0; i < s.layers; ++i) {
    const std::string to = fmt::format("decoder.{}", i);
    const std::string from = fmt::format("{}h.{}", theirs, i);
    conv1d(names, to + ".self.q", from + ".attn.c_attn", 0, 3);
    conv1d(names, to + ".self.k", from + ".attn.c_attn", 1, 3);
    conv1d(names, to + ".self.v", from + ".attn.c_attn", 2, 3);
    conv1d(names, to + ".self.o", from + ".attn.c_proj");
    names.norm(to + ".self_norm", from + ".ln_1");
    if (s.cross) {
      conv1d(names, to + ".cross.q", from + ".crossattention.q_attn");
      conv1d(names, to + ".cross.k", from + ".crossattention.c_attn", 0, 2);
      conv1d(names, to + ".cross.v", from + ".crossattention.c_attn", 1, 2);
      conv1d(names, to + ".cross.o", from + ".crossattention.c_proj");
      names.norm(to + ".cross_norm", from + ".ln_cross_attn");
    }
    conv1d(names, to + ".ffn.up", from + ".mlp.c_fc");
    conv1d(names, to + ".ffn.down", from + ".mlp.c_proj");
    names.norm(to + ".ffn_norm", from + ".ln_2");
  }
  names.norm("decoder.final_norm", theirs + "ln_f");
  // Causal masks that files of earlier releases carry.
  for (const char* mask :
       {"attn.bias", "attn.masked_bias", "crossattention.bias", "crossattention.masked_bias"}) {
    names.ignored.push_back(theirs + "h.*." + mask);
  }
}

void add_gpt2_head(const Json& json, const std::string& head, const std::string& table,
                   Imported& out) {
  out.config.head.present = true;
  out.config.head.tied = json.get("tie_word_embeddings", true);
  if (out.config.head.tied) {
    out.names.tensor("decoder.tokens", table).aliases = {head};
  } else {
    out.names.tensor("head.weight", head);
  }
}

void import_gpt2(const Json& json, Imported& out) {
  Config& config = out.config;
  config.decoder = read_gpt2_stack(json);
  config.bos = 50256;
  config.eos = {50256};
  ConfigReader(json).special_tokens(config);
  if (config.decoder_start < 0) config.decoder_start = config.bos;
  out.names.prefix = "transformer.";
  name_gpt2_stack(out.names, config.decoder, out.names.prefix);
  add_gpt2_head(json, "lm_head.weight", "transformer.wte.weight", out);
  if (json.get("add_cross_attention", false)) {
    // Without an encoder these sub-layers are skipped.
    out.names.ignored.emplace_back("transformer.h.*.crossattention.*");
    out.names.ignored.emplace_back("transformer.h.*.ln_cross_attn.*");
  }
}

}  // namespace transept
