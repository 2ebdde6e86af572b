#include "train/presets.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/json.h"

namespace transept {
namespace {

// The families whose configuration class follows fairseq's words.
struct Fairseq {
  const char* model_type;
  const char* architecture;
  const char* activation;
  bool scale_embedding;
  bool starts_with_pad;  // else with the end mark
};

Fairseq fairseq_family(const std::string& family) {
  if (family == "marian") return {"marian", "MarianMTModel", "swish", true, true};
  if (family == "bart") return {"bart", "BartForConditionalGeneration", "gelu", false, false};
  if (family == "mbart") return {"mbart", "MBartForConditionalGeneration", "gelu", true, false};
  if (family == "pegasus")
    return {"pegasus", "PegasusForConditionalGeneration", "relu", true, true};
  if (family == "m2m_100")
    return {"m2m_100", "M2M100ForConditionalGeneration", "relu", true, false};
  // Vaswani et al. 2017: Marian's switches with relu.
  return {"marian", "MarianMTModel", "relu", true, true};
}

// With a point: the reference's classes refuse 1 where they expect 1.0.
void write_real(JsonWriter& w, const char* key, double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  w.key(key).raw(text);
}

void write_marks(JsonWriter& w, const Marks& marks, Token start) {
  if (marks.bos >= 0) w.member("bos_token_id", marks.bos);
  w.member("pad_token_id", marks.pad).member("eos_token_id", marks.eos);
  w.member("decoder_start_token_id", start);
}

std::string fairseq_json(const TrainConfig& c, const Marks& marks) {
  const Fairseq family = fairseq_family(c.model.family);
  const TrainConfig::Model& m = c.model;
  JsonWriter w;
  w.begin_object().member("model_type", family.model_type).key("architectures").begin_array();
  w.value(family.architecture).end_array();
  w.member("vocab_size", marks.size).member("d_model", m.d_model);
  w.member("encoder_layers", m.encoder_layers).member("encoder_attention_heads", m.heads);
  w.member("encoder_ffn_dim", m.d_ff).member("decoder_layers", m.decoder_layers);
  w.member("decoder_attention_heads", m.heads).member("decoder_ffn_dim", m.d_ff);
  w.member("activation_function", m.activation.empty() ? family.activation : m.activation.c_str());
  w.member("max_position_embeddings", m.max_positions);
  w.member("scale_embedding", family.scale_embedding);
  w.member("tie_word_embeddings", m.tied);
  if (std::string(family.model_type) == "marian") {
    w.member("decoder_vocab_size", marks.size).member("share_encoder_decoder_embeddings", m.tied);
  }
  write_real(w, "dropout", c.regularization.dropout);
  write_real(w, "attention_dropout", c.regularization.attention_dropout);
  write_real(w, "activation_dropout", c.regularization.activation_dropout);
  write_real(w, "init_std", 0.02);
  w.member("is_encoder_decoder", true).member("dtype", "float32");
  write_marks(w, marks, family.starts_with_pad ? marks.pad : marks.eos);
  // BART's class has a default of its own here.
  w.key("forced_eos_token_id").null();
  return w.end_object().take();
}

std::string t5_json(const TrainConfig& c, const Marks& marks) {
  const TrainConfig::Model& m = c.model;
  const bool newer = m.family == "t5_v1_1";
  std::string activation = m.activation.empty() ? (newer ? "gelu" : "relu") : m.activation;
  if (newer) activation = "gated-" + activation;
  check(m.d_model % m.heads == 0, ErrorCode::bad_data,
        "model.heads: {}, expected a divisor of model.d_model {}", m.heads, m.d_model);
  JsonWriter w;
  w.begin_object().member("model_type", "t5").key("architectures").begin_array();
  w.value("T5ForConditionalGeneration").end_array();
  w.member("vocab_size", marks.size).member("d_model", m.d_model).member("d_ff", m.d_ff);
  w.member("d_kv", m.d_model / m.heads).member("num_heads", m.heads);
  w.member("num_layers", m.encoder_layers).member("num_decoder_layers", m.decoder_layers);
  w.member("feed_forward_proj", activation).member("tie_word_embeddings", m.tied && !newer);
  w.member("relative_attention_num_buckets", 32).member("relative_attention_max_distance", 128);
  write_real(w, "layer_norm_epsilon", 1e-6);
  write_real(w, "initializer_factor", 1);
  write_real(w, "dropout_rate", c.regularization.dropout);
  w.member("is_encoder_decoder", true);
  w.member("dtype", "float32");
  write_marks(w, marks, marks.pad);
  return w.end_object().take();
}

// A decoder on its own: model.encoder_layers and model.tied say nothing here.
std::string gpt2_json(const TrainConfig& c, const Marks& marks) {
  const TrainConfig::Model& m = c.model;
  JsonWriter w;
  w.begin_object().member("model_type", "gpt2").key("architectures").begin_array();
  w.value("GPT2LMHeadModel").end_array();
  w.member("vocab_size", marks.size).member("n_embd", m.d_model).member("n_inner", m.d_ff);
  w.member("n_layer", m.decoder_layers).member("n_head", m.heads);
  w.member("n_positions", m.max_positions);
  w.member("activation_function", m.activation.empty() ? "gelu_new" : m.activation.c_str());
  write_real(w, "layer_norm_epsilon", 1e-5);
  write_real(w, "initializer_range", 0.02);
  write_real(w, "embd_pdrop", c.regularization.dropout);
  write_real(w, "resid_pdrop", c.regularization.dropout);
  write_real(w, "attn_pdrop", c.regularization.attention_dropout);
  w.member("tie_word_embeddings", true).member("dtype", "float32");
  w.member("bos_token_id", marks.bos >= 0 ? marks.bos : marks.eos);
  w.member("eos_token_id", marks.eos).member("pad_token_id", marks.pad);
  return w.end_object().take();
}

std::string bert_decoder_json(const TrainConfig& c, const Marks& marks) {
  const TrainConfig::Model& m = c.model;
  JsonWriter w;
  w.begin_object().member("model_type", "bert").member("is_decoder", true);
  w.member("add_cross_attention", true).member("vocab_size", marks.size);
  w.member("hidden_size", m.d_model).member("num_hidden_layers", m.decoder_layers);
  w.member("num_attention_heads", m.heads).member("intermediate_size", m.d_ff);
  w.member("hidden_act", m.activation.empty() ? "gelu" : m.activation.c_str());
  w.member("max_position_embeddings", m.max_positions).member("type_vocab_size", 2);
  write_real(w, "layer_norm_eps", 1e-12);
  w.member("tie_word_embeddings", m.tied);
  write_real(w, "initializer_range", 0.02);
  write_real(w, "hidden_dropout_prob", c.regularization.dropout);
  write_real(w, "attention_probs_dropout_prob", c.regularization.attention_dropout);
  w.member("pad_token_id", marks.pad);
  return w.end_object().take();
}

void check_marks(const Marks& marks) {
  check(marks.size > 0, ErrorCode::bad_data, "the tokenizer has no tokens");
  check(marks.pad >= 0, ErrorCode::bad_data,
        "the tokenizer has no padding token (<pad> or [PAD]), which the model's folder must name");
  check(marks.eos >= 0, ErrorCode::bad_data,
        "the tokenizer has no end mark (</s>, <eos> or [SEP]): a model could not end its output");
}

}  // namespace

std::string make_config_json(const TrainConfig& config, const Marks& marks) {
  check_marks(marks);
  const std::string& family = config.model.family;
  if (family == "gpt2") return gpt2_json(config, marks);
  return family.starts_with("t5") ? t5_json(config, marks) : fairseq_json(config, marks);
}

std::string make_encoder_decoder_json(const TrainConfig& config, const Marks& marks,
                                      const std::string& encoder_json) {
  check_marks(marks);
  JsonWriter w;
  w.begin_object().member("model_type", "encoder-decoder").key("architectures").begin_array();
  w.value("EncoderDecoderModel").end_array();
  w.key("encoder").raw(encoder_json).key("decoder").raw(bert_decoder_json(config, marks));
  w.member("is_encoder_decoder", true).member("dtype", "float32");
  write_marks(w, marks, marks.bos >= 0 ? marks.bos : marks.pad);
  return w.end_object().take();
}

std::string make_generation_json(const TrainConfig& config, const Config& model) {
  JsonWriter w;
  w.begin_object();
  if (model.bos >= 0) w.member("bos_token_id", model.bos);
  if (model.pad >= 0) w.member("pad_token_id", model.pad);
  if (model.decoder_start >= 0) w.member("decoder_start_token_id", model.decoder_start);
  if (!model.eos.empty()) w.member("eos_token_id", model.eos.front());
  const TrainConfig::Generation& g = config.generation;
  w.member("num_beams", g.beam).member("max_length", g.max_length);
  write_real(w, "length_penalty", g.length_penalty);
  return w.end_object().take();
}

}  // namespace transept
