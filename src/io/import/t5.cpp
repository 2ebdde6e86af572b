// T5, T5 1.1, FLAN-T5, mT5, ByT5 (Raffel et al. 2020; transformers models/t5, models/mt5).
#include <fmt/format.h>

#include <cmath>

#include "base/error.h"
#include "io/import/config_reader.h"
#include "io/import/import.h"

namespace transept {
namespace {

const std::vector<std::string> kTable = {"shared.weight", "encoder.embed_tokens.weight",
                                         "decoder.embed_tokens.weight"};

// "relu", "gated-gelu", "gated-silu", …: gate and activation in one word.
void read_feed_forward(const Json& json, bool is_mt5, StackConfig& s) {
  const std::string word = json.get("feed_forward_proj", is_mt5 ? "gated-gelu" : "relu");
  const auto value = json.find("feed_forward_proj");
  const std::string where = value ? value->where() : "feed_forward_proj";
  s.gate = word.starts_with("gated-");
  const std::string activation = s.gate ? word.substr(6) : word;
  // "For backwards compatibility": in the gated form "gelu" means the tanh approximation.
  s.activation =
      word == "gated-gelu" ? ActivationKind::gelu_tanh : parse_activation(activation, where);
  // Files of current releases also say it in two keys of their own, which then count.
  s.gate = json.get("is_gated_act", s.gate);
  if (const auto named = json.find("dense_act_fn")) {
    s.activation = parse_activation(named->as_string(), named->where());
  }
}

StackConfig read_stack(const Json& json, bool is_mt5) {
  const ConfigReader reader(json);
  StackConfig s;
  s.d_model = reader.size("d_model", 512);
  s.n_heads = reader.size("num_heads", is_mt5 ? 6 : 8);
  s.d_head = reader.size("d_kv", 64);
  s.d_ff = reader.size("d_ff", is_mt5 ? 1024 : 2048);
  s.vocab = reader.size("vocab_size", is_mt5 ? 250112 : 32128);
  s.norm = NormKind::rms;
  s.ffn_outliers = true;
  s.place = NormPlace::pre;
  s.final_norm = true;
  s.norm_eps = reader.real("layer_norm_epsilon", 1e-6);
  s.positions = Positions::relative;
  s.relative_buckets = reader.size("relative_attention_num_buckets", 32);
  s.relative_max_distance = reader.size("relative_attention_max_distance", 128);
  s.query_scale = 1;  // absorbed by the initialisation (Raffel et al. 2020, footnote of Mesh TF)
  s.bias = false;
  read_feed_forward(json, is_mt5, s);
  return s;
}

void name_stack(Names& names, const std::string& side, int layers, bool decoder) {
  for (int i = 0; i < layers; ++i) {
    const std::string ours = fmt::format("{}.{}", side, i);
    const std::string block = fmt::format("{}.block.{}.layer", side, i);
    const auto attention = [&](const char* our_part, int layer, const char* their_part) {
      for (const char* m : {"q", "k", "v", "o"}) {
        names.linear(fmt::format("{}.{}.{}", ours, our_part, m),
                     fmt::format("{}.{}.{}.{}", block, layer, their_part, m));
      }
      names.norm(fmt::format("{}.{}_norm", ours, our_part),
                 fmt::format("{}.{}.layer_norm", block, layer));
    };
    attention("self", 0, "SelfAttention");
    if (decoder) attention("cross", 1, "EncDecAttention");
    const std::string ffn = fmt::format("{}.{}", block, decoder ? 2 : 1);
    names.norm(ours + ".ffn_norm", ffn + ".layer_norm");
  }
  names.tensor(side + ".relative_bias",
               side + ".block.0.layer.0.SelfAttention.relative_attention_bias.weight");
  names.norm(side + ".final_norm", side + ".final_layer_norm");
}

void name_feed_forward(Names& names, const std::string& side, const StackConfig& s, int layer) {
  for (int i = 0; i < s.layers; ++i) {
    const std::string ours = fmt::format("{}.{}.ffn", side, i);
    const std::string theirs = fmt::format("{}.block.{}.layer.{}.DenseReluDense", side, i, layer);
    names.linear(ours + ".up", theirs + (s.gate ? ".wi_1" : ".wi"));
    if (s.gate) names.linear(ours + ".gate", theirs + ".wi_0");
    names.linear(ours + ".down", theirs + ".wo");
  }
}

// Tied or not, scaled or not. transformers 5 ties always, unless the file holds an lm_head that
// differs from the token table; `tie_word_embeddings: false` only says that the hidden state is not
// scaled. mT5 never scales.
void read_head(const Json& json, bool is_mt5, const OwnHead& own_head, Config& config) {
  const bool said_tied = json.get("tie_word_embeddings", !is_mt5);
  const bool scaled = !is_mt5 && json.get("scale_decoder_outputs", said_tied);
  config.head.present = true;
  config.head.tied = own_head ? !own_head("lm_head.weight", kTable) : said_tied;
  config.head.scale = scaled ? 1 / std::sqrt(static_cast<float>(config.decoder.d_model)) : 1;
}

bool is_encoder_only(const Json& json) {
  const auto architectures = json.find("architectures");
  if (!architectures || architectures->size() != 1) return false;
  return architectures->elements()[0].as_string().ends_with("T5EncoderModel");
}

}  // namespace

void import_t5(const Json& json, const OwnHead& own_head, Imported& out) {
  Config& config = out.config;
  Names& names = out.names;
  const bool is_mt5 = config.family == "mt5";
  const ConfigReader reader(json);

  config.encoder = read_stack(json, is_mt5);
  config.encoder.layers = reader.layers("num_layers", is_mt5 ? 8 : 6);
  name_stack(names, "encoder", config.encoder.layers, false);
  name_feed_forward(names, "encoder", config.encoder, 1);

  config.pad = 0;
  config.eos = {1};
  config.decoder_start = 0;
  reader.special_tokens(config);
  if (!reader.has("decoder_start_token_id")) config.decoder_start = config.pad;

  if (is_encoder_only(json)) {
    names.tensor("encoder.tokens", kTable[0]).aliases = {kTable[1]};
    return;
  }
  config.decoder = read_stack(json, is_mt5);
  config.decoder.layers = reader.layers("num_decoder_layers", config.encoder.layers);
  config.decoder.causal = true;
  config.decoder.cross = true;
  config.decoder.cross_width = config.encoder.d_model;
  config.shared_embeddings = true;
  name_stack(names, "decoder", config.decoder.layers, true);
  name_feed_forward(names, "decoder", config.decoder, 2);

  read_head(json, is_mt5, own_head, config);
  Source& table = names.tensor("tokens", kTable[0]);
  table.aliases = {kTable[1], kTable[2]};
  if (config.head.tied) {
    table.aliases.emplace_back("lm_head.weight");
  } else {
    names.tensor("head.weight", "lm_head.weight");
  }
  // In files of 2019, never used.
  names.ignored = {"decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"};
}

}  // namespace transept
