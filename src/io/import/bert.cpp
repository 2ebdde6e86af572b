// BERT (Devlin et al. 2019), MiniLM, RoBERTa (Liu et al. 2019), XLM-RoBERTa; transformers
// models/bert, roberta, xlm_roberta.
#include "io/import/bert.h"

#include <fmt/format.h>

#include <cmath>

#include "io/import/config_reader.h"

namespace transept {
namespace {

std::string family_of(const Json& json) {
  return json.get("model_type", "bert");
}

// Files from before 2020 say gamma and beta.
void name_norm(Names& names, const std::string& ours, const std::string& theirs) {
  names.tensor(ours + ".gain", theirs + ".weight").aliases = {theirs + ".gamma"};
  names.tensor(ours + ".shift", theirs + ".bias").aliases = {theirs + ".beta"};
}

void name_attention(Names& names, const std::string& ours, const std::string& theirs) {
  names.linear(ours + ".q", theirs + ".self.query");
  names.linear(ours + ".k", theirs + ".self.key");
  names.linear(ours + ".v", theirs + ".self.value");
  names.linear(ours + ".o", theirs + ".output.dense");
  name_norm(names, ours + "_norm", theirs + ".output.LayerNorm");
}

// "BertForMaskedLM", whose files hold the encoder under a prefix, not "BertModel".
bool has_head(const Json& json) {
  const auto architectures = json.find("architectures");
  if (!architectures || architectures->size() == 0) return false;
  return !architectures->elements()[0].as_string().ends_with("Model");
}

}  // namespace

bool is_bert_kind(std::string_view model_type) {
  return model_type == "bert" || model_type == "roberta" || model_type == "xlm-roberta";
}

StackConfig read_bert_stack(const Json& json) {
  const ConfigReader reader(json);
  const bool roberta = family_of(json) != "bert";
  reader.only("position_embedding_type", "absolute");
  StackConfig s;
  s.layers = reader.layers("num_hidden_layers", 12);
  s.d_model = reader.size("hidden_size", 768);
  s.n_heads = reader.size("num_attention_heads", 12);
  s.d_ff = reader.size("intermediate_size", 3072);
  s.vocab = reader.size("vocab_size", roberta ? 50265 : 30522);
  s.d_head = reader.head_width("num_attention_heads", s.n_heads, s.d_model);
  s.norm = NormKind::layer;
  s.place = NormPlace::post;
  s.embedding_norm = true;
  s.norm_eps = reader.real("layer_norm_eps", 1e-12);
  s.positions = Positions::learned;
  s.max_positions = reader.size("max_position_embeddings", 512);
  if (roberta) {  // rows up to the padding token's are not positions
    s.position_offset = reader.size("pad_token_id", 1) + 1;
    s.max_positions -= s.position_offset;
  }
  s.segments = reader.size("type_vocab_size", 2);
  s.query_scale = 1 / std::sqrt(static_cast<float>(s.d_head));
  s.activation = reader.activation("hidden_act", "gelu");
  return s;
}

void name_bert_stack(Names& names, const StackConfig& s, const std::string& side,
                     const std::string& theirs) {
  const std::string embeddings = theirs + "embeddings.";
  names.tensor(side + ".tokens", embeddings + "word_embeddings.weight");
  names.tensor(side + ".positions", embeddings + "position_embeddings.weight");
  names.tensor(side + ".segments", embeddings + "token_type_embeddings.weight");
  name_norm(names, side + ".embedding_norm", embeddings + "LayerNorm");
  for (int i = 0; i < s.layers; ++i) {
    const std::string to = fmt::format("{}.{}", side, i);
    const std::string from = fmt::format("{}encoder.layer.{}", theirs, i);
    name_attention(names, to + ".self", from + ".attention");
    if (s.cross) name_attention(names, to + ".cross", from + ".crossattention");
    names.linear(to + ".ffn.up", from + ".intermediate.dense");
    names.linear(to + ".ffn.down", from + ".output.dense");
    name_norm(names, to + ".ffn_norm", from + ".output.LayerNorm");
  }
  names.ignored.push_back(embeddings + "position_ids");
  names.ignored.push_back(embeddings + "token_type_ids");
  names.ignored.push_back(theirs + "pooler.*");
}

// Linear, activation, norm, then the token table again, with a bias of its own.
void add_bert_head(const Json& json, const std::string& theirs, Imported& out) {
  const ConfigReader reader(json);
  const bool roberta = family_of(json) != "bert";
  HeadConfig& head = out.config.head;
  head.present = true;
  head.bias = true;
  head.tied = reader.flag("tie_word_embeddings", true);
  head.transform = true;
  head.transform_activation =
      roberta ? ActivationKind::gelu_erf : reader.activation("hidden_act", "gelu");
  const std::string base = theirs + (roberta ? "lm_head." : "cls.predictions.");
  const std::string transform = base + (roberta ? "" : "transform.");
  out.names.linear("head.transform", transform + "dense");
  name_norm(out.names, "head.transform_norm", transform + (roberta ? "layer_norm" : "LayerNorm"));
  if (head.tied) {
    out.names.sources["decoder.tokens"].aliases.push_back(base + "decoder.weight");
    out.names.tensor("head.bias", base + "bias").aliases = {base + "decoder.bias"};
  } else {
    out.names.tensor("head.weight", base + "decoder.weight");
    out.names.tensor("head.bias", base + "decoder.bias");
    out.names.ignored.push_back(base + "bias");
  }
}

void import_bert(const Json& json, Imported& out) {
  const ConfigReader reader(json);
  Config& config = out.config;
  reader.only("is_decoder", false);
  reader.only("add_cross_attention", false);
  const bool roberta = config.family != "bert";
  config.encoder = read_bert_stack(json);
  config.pad = roberta ? 1 : 0;
  if (roberta) {
    config.bos = 0;
    config.eos = {2};
  }
  reader.special_tokens(config);
  out.names.prefix = roberta ? "roberta." : "bert.";
  out.names.saved_bare = !has_head(json);
  name_bert_stack(out.names, config.encoder, "encoder", out.names.prefix);
  // Heads of the pre-training and of fine-tuned classifiers: no part of the encoder.
  for (const char* head : {"cls.*", "lm_head.*", "classifier.*", "qa_outputs.*"}) {
    out.names.ignored.emplace_back(head);
  }
}

}  // namespace transept
