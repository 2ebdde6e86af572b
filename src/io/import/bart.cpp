// BART (Lewis et al. 2020), mBART (Liu et al. 2020), Pegasus (Zhang et al. 2020), M2M100 / NLLB
// (Fan et al. 2021); transformers models/bart, mbart, pegasus, m2m_100.
#include <cmath>

#include "io/import/fairseq.h"

namespace transept {
namespace {

struct Family {
  const char* activation;
  NormPlace place;
  bool embedding_norm;
  Positions positions;
  bool scale_embedding;
  bool bias;  // final_logits_bias
  Token bos, pad, decoder_start, eos;
};

// The constructors' defaults; mBART's start token is a language code, chosen while generating.
Family family_of(const std::string& name) {
  if (name == "mbart") {
    return {"gelu", NormPlace::pre, true, Positions::learned, false, true, 0, 1, -1, 2};
  }
  if (name == "pegasus") {
    return {"gelu", NormPlace::pre, false, Positions::sinusoid_halves, false, true, -1, 0, 0, 1};
  }
  if (name == "m2m_100") {
    return {"relu", NormPlace::pre, false, Positions::sinusoid_fairseq, true, false, 0, 1, 2, 2};
  }
  return {"gelu", NormPlace::post, true, Positions::learned, false, true, 0, 1, 2, 2};
}

void set_positions(const ConfigReader& reader, const Family& family, Token pad, StackConfig& s) {
  s.positions = family.positions;
  s.max_positions = reader.size("max_position_embeddings", 1024);
  if (family.positions == Positions::learned) s.position_offset = 2;
  if (family.positions == Positions::sinusoid_fairseq) {
    s.position_offset = pad + 1;
    s.max_positions = 0;  // the table grows with the input
  }
}

StackConfig read_stack(const ConfigReader& reader, const std::string& side, const Family& family,
                       Token pad) {
  StackConfig s = read_fairseq_stack(reader, side, family.activation);
  s.vocab = reader.size("vocab_size", 50265);
  s.place = family.place;
  s.embedding_norm = family.embedding_norm;
  s.final_norm = family.place == NormPlace::pre;
  set_positions(reader, family, pad, s);
  if (reader.flag("scale_embedding", family.scale_embedding)) {
    s.embedding_scale = std::sqrt(static_cast<float>(s.d_model));
  }
  return s;
}

void name_tables(Names& names, const Config& config, bool tied) {
  if (tied) {
    names.tensor("tokens", "model.shared.weight").aliases = {
        "model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight", "lm_head.weight"};
  } else {
    // Three tables. Files of earlier releases hold the first two once, as `shared`.
    names.tensor("encoder.tokens", "model.encoder.embed_tokens.weight").fallback =
        "model.shared.weight";
    names.tensor("decoder.tokens", "model.decoder.embed_tokens.weight").fallback =
        "model.shared.weight";
    names.tensor("head.weight", "lm_head.weight");
    names.ignored.emplace_back("model.shared.weight");
  }
  if (config.head.bias) {
    Source& bias = names.tensor("head.bias", "final_logits_bias");
    bias.row = true;
    bias.optional = true;
  }
  for (const char* side : {"encoder", "decoder"}) {
    const std::string table = std::string("model.") + side + ".embed_positions.weight";
    const bool decoder = side[0] == 'd';
    if (config.encoder.positions == Positions::learned) {
      names.tensor(std::string(side) + ".positions", table);
    } else if (config.encoder.positions == Positions::sinusoid_halves) {
      names.sinusoids.push_back({.name = table, .decoder = decoder});
    } else {
      names.sinusoids.push_back({.name = table + "s", .decoder = decoder, .zero_row = config.pad});
    }
  }
}

}  // namespace

void import_bart(const Json& json, Imported& out) {
  Config& config = out.config;
  const ConfigReader reader(json);
  const Family family = family_of(config.family);
  // Keys that releases before 4 obeyed and that now go without saying.
  reader.only("normalize_before", family.place == NormPlace::pre);
  reader.only("add_final_layer_norm", family.place == NormPlace::pre);
  reader.only("normalize_embedding", family.embedding_norm);
  reader.only("static_position_embeddings", family.positions != Positions::learned);

  config.bos = family.bos;
  config.pad = family.pad;
  config.decoder_start = family.decoder_start;
  config.eos = {family.eos};
  reader.special_tokens(config);

  config.encoder = read_stack(reader, "encoder", family, config.pad);
  config.decoder = read_stack(reader, "decoder", family, config.pad);
  const bool tied = reader.flag("tie_word_embeddings", true);
  config.shared_embeddings = tied;
  config.head = {.present = true, .tied = tied, .bias = family.bias};
  name_fairseq_stacks(out.names, config);
  name_tables(out.names, config, tied);
  out.names.ignored.emplace_back("encoder.version");
  out.names.ignored.emplace_back("decoder.version");
}

}  // namespace transept
