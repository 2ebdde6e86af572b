// FSMT: the WMT19 models of fairseq, which are the Transformer of 2017 (Ng et al. 2019;
// transformers models/fsmt).
#include <cmath>

#include "base/error.h"
#include "io/import/fairseq.h"

namespace transept {
namespace {

StackConfig read_stack(const ConfigReader& reader, const std::string& side, Token pad) {
  StackConfig s = read_fairseq_stack(reader, side, "relu");
  s.place = NormPlace::post;
  s.positions = Positions::sinusoid_fairseq;
  s.position_offset = pad + 1;
  s.max_positions = 0;  // the table grows with the input
  if (reader.flag("scale_embedding", true)) {
    s.embedding_scale = std::sqrt(static_cast<float>(s.d_model));
  }
  return s;
}

}  // namespace

void import_fsmt(const Json& json, Imported& out) {
  Config& config = out.config;
  Names& names = out.names;
  const ConfigReader reader(json);
  config.bos = 0;
  config.pad = 1;
  config.decoder_start = 2;
  config.eos = {2};
  reader.special_tokens(config);

  config.encoder = read_stack(reader, "encoder", config.pad);
  config.decoder = read_stack(reader, "decoder", config.pad);
  config.encoder.vocab = reader.size("src_vocab_size", 42024);
  config.decoder.vocab = reader.size("tgt_vocab_size", 42024);
  const bool tied = reader.flag("tie_word_embeddings", false);
  check(!tied || config.encoder.vocab == config.decoder.vocab, ErrorCode::bad_data,
        "config.json: src_vocab_size: {}, expected tgt_vocab_size {} where the embeddings are tied",
        config.encoder.vocab, config.decoder.vocab);
  config.shared_embeddings = tied;
  config.head = {.present = true, .tied = tied};

  name_fairseq_stacks(names, config);
  const std::string source = "model.encoder.embed_tokens.weight";
  const std::string target = "model.decoder.embed_tokens.weight";
  const std::string output = "model.decoder.output_projection.weight";
  if (tied) {
    names.tensor("tokens", target).aliases = {source, output};
  } else {
    names.tensor("encoder.tokens", source);
    names.tensor("decoder.tokens", target);
    names.tensor("head.weight", output);
  }
  names.sinusoids = {
      {.name = "model.encoder.embed_positions.weight", .zero_row = config.pad},
      {.name = "model.decoder.embed_positions.weight", .decoder = true, .zero_row = config.pad}};
}

}  // namespace transept
