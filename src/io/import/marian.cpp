// Marian, the OPUS-MT models (Junczys-Dowmunt et al. 2018; transformers models/marian).
#include <cmath>

#include "base/error.h"
#include "io/import/fairseq.h"

namespace transept {
namespace {

StackConfig read_stack(const ConfigReader& reader, const std::string& side) {
  StackConfig s = read_fairseq_stack(reader, side, "gelu");
  s.place = NormPlace::post;
  s.positions = Positions::sinusoid_halves;
  s.max_positions = reader.size("max_position_embeddings", 1024);
  if (reader.flag("scale_embedding", false)) {
    s.embedding_scale = std::sqrt(static_cast<float>(s.d_model));
  }
  return s;
}

void name_tables(Names& names, const Config& config) {
  const std::string source = "model.encoder.embed_tokens.weight";
  const std::string target = "model.decoder.embed_tokens.weight";
  if (config.shared_embeddings) {
    names.tensor("tokens", "model.shared.weight").aliases = {source, target, "lm_head.weight"};
  } else {
    names.tensor("encoder.tokens", source).fallback = "model.shared.weight";
    names.tensor("decoder.tokens", target).fallback = "model.shared.weight";
    if (config.head.tied) names.sources["decoder.tokens"].aliases = {"lm_head.weight"};
    names.ignored.emplace_back("model.shared.weight");
  }
  if (!config.head.tied) names.tensor("head.weight", "lm_head.weight");
  Source& bias = names.tensor("head.bias", "final_logits_bias");
  bias.row = true;
  bias.optional = true;
  names.sinusoids = {{.name = "model.encoder.embed_positions.weight"},
                     {.name = "model.decoder.embed_positions.weight", .decoder = true}};
}

}  // namespace

void import_marian(const Json& json, Imported& out) {
  Config& config = out.config;
  const ConfigReader reader(json);
  reader.only("normalize_before", false);
  reader.only("add_final_layer_norm", false);
  reader.only("normalize_embedding", false);
  reader.only("static_position_embeddings", true);

  config.encoder = read_stack(reader, "encoder");
  config.decoder = read_stack(reader, "decoder");
  config.encoder.vocab = reader.size("vocab_size", 58101);
  config.decoder.vocab = reader.size("decoder_vocab_size", config.encoder.vocab);
  const bool shared = reader.flag("share_encoder_decoder_embeddings", true);
  const bool tied = reader.flag("tie_word_embeddings", true);
  check(
      !shared || config.encoder.vocab == config.decoder.vocab, ErrorCode::bad_data,
      "config.json: decoder_vocab_size: {}, expected vocab_size {} where the embeddings are shared",
      config.decoder.vocab, config.encoder.vocab);
  config.shared_embeddings = shared && tied;
  config.head = {.present = true, .tied = tied, .bias = true};

  config.pad = 58100;
  config.decoder_start = 58100;
  config.eos = {0};
  reader.special_tokens(config);
  name_fairseq_stacks(out.names, config);
  name_tables(out.names, config);
}

}  // namespace transept
