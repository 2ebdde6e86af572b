// EncoderDecoderModel (Rothe et al. 2020): a BERT or RoBERTa encoder and a BERT, RoBERTa or GPT-2
// decoder with cross-attention; transformers models/encoder_decoder.
#include "base/error.h"
#include "io/import/bert.h"
#include "io/import/config_reader.h"

namespace transept {
namespace {

std::string model_type(const Json& side, bool decoder) {
  const Json type = side.at("model_type");
  std::string name(type.as_string());
  if (is_bert_kind(name) || (decoder && name == "gpt2")) return name;
  fail(ErrorCode::unsupported, "{}: \"{}\", expected bert, roberta{}", type.where(), name,
       decoder ? ", xlm-roberta or gpt2" : " or xlm-roberta");
}

void read_decoder(const Json& json, Imported& out) {
  StackConfig& s = out.config.decoder;
  Names& names = out.names;
  const std::string type = model_type(json, true);
  s = type == "gpt2" ? read_gpt2_stack(json) : read_bert_stack(json);
  s.causal = true;
  s.cross = true;
  s.cross_width = s.d_model;
  if (type == "gpt2") {
    name_gpt2_stack(names, s, "decoder.transformer.");
    add_gpt2_head(json, "decoder.lm_head.weight", "decoder.transformer.wte.weight", out);
  } else {
    name_bert_stack(names, s, "decoder", type == "bert" ? "decoder.bert." : "decoder.roberta.");
    add_bert_head(json, "decoder.", out);
  }
}

}  // namespace

void import_encoder_decoder(const Json& json, Imported& out) {
  Config& config = out.config;
  const Json encoder = json.at("encoder");
  const Json decoder = json.at("decoder");
  (void)model_type(encoder, false);
  const ConfigReader encoder_reader(encoder);
  encoder_reader.only("is_decoder", false);
  encoder_reader.only("add_cross_attention", false);
  const ConfigReader decoder_reader(decoder);
  decoder_reader.only("is_decoder", true);
  decoder_reader.only("add_cross_attention", true);

  config.encoder = read_bert_stack(encoder);
  name_bert_stack(out.names, config.encoder, "encoder", "encoder.");
  read_decoder(decoder, out);
  if (config.encoder.d_model != config.decoder.d_model) {
    if (const auto width = decoder.find("cross_attention_hidden_size")) {
      fail(ErrorCode::unsupported, "{}: {}, expected none: BERT and GPT-2 attend to rows of {}",
           width->where(), width->as_int(), config.decoder.d_model);
    }
    config.bridge = config.decoder.d_model;
    out.names.linear("bridge", "enc_to_dec_proj");
  }
  decoder_reader.special_tokens(config);
  ConfigReader(json).special_tokens(config);
  if (config.decoder_start < 0) config.decoder_start = config.bos;
}

}  // namespace transept
