#include "model/config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace transept {
namespace {

void check_size(const char* stack, const char* name, int value, int least, int most) {
  check(value >= least && value <= most, ErrorCode::bad_data, "{}.{}: {}, expected {} to {}", stack,
        name, value, least, most);
}

void check_stack(const char* name, const StackConfig& s) {
  constexpr int kMost = 1 << 24;
  check_size(name, "layers", s.layers, 1, 1024);
  check_size(name, "d_model", s.d_model, 1, 1 << 16);
  check_size(name, "n_heads", s.n_heads, 1, 1 << 12);
  check_size(name, "d_head", s.d_head, 1, 1 << 12);
  check_size(name, "d_ff", s.d_ff, 1, 1 << 18);
  check_size(name, "vocab", s.vocab, 1, kMost);
  check_size(name, "segments", s.segments, 0, 1 << 10);
  check_size(name, "position_offset", s.position_offset, 0, 1 << 10);
  check_size(name, "max_positions", s.max_positions, s.positions == Positions::learned ? 1 : 0,
             kMost);
  if (s.positions == Positions::relative) {
    check_size(name, "relative_buckets", s.relative_buckets, s.causal ? 2 : 4, 1 << 12);
    const int exact = s.relative_buckets / (s.causal ? 2 : 4);
    check_size(name, "relative_max_distance", s.relative_max_distance, exact + 1, kMost);
  }
  if (s.positions == Positions::sinusoid_fairseq)
    check_size(name, "d_model", s.d_model, 4, 1 << 16);
  if (s.cross) check_size(name, "cross_width", s.cross_width, 1, 1 << 16);
  check(s.norm_eps >= 0 && s.norm_eps < 1, ErrorCode::bad_data, "{}.norm_eps: {}, expected 0 to 1",
        name, s.norm_eps);
}

std::string describe(const StackConfig& s) {
  if (s.layers == 0) return "none";
  return fmt::format(
      "layers={} d_model={} n_heads={} d_head={} d_ff={} vocab={} norm={} place={} "
      "embedding_norm={} "
      "final_norm={} norm_eps={} positions={} max_positions={} position_offset={} buckets={} "
      "max_distance={} segments={} embedding_scale={} query_scale={} activation={} gate={} bias={} "
      "causal={} cross={} cross_width={}",
      s.layers, s.d_model, s.n_heads, s.d_head, s.d_ff, s.vocab, name_of(s.norm), name_of(s.place),
      s.embedding_norm, s.final_norm, s.norm_eps, name_of(s.positions), s.max_positions,
      s.position_offset, s.relative_buckets, s.relative_max_distance, s.segments, s.embedding_scale,
      s.query_scale, name_of(s.activation), s.gate, s.bias, s.causal, s.cross, s.cross_width);
}

}  // namespace

const char* name_of(NormKind kind) {
  return kind == NormKind::layer ? "layer" : "rms";
}
const char* name_of(NormPlace place) {
  return place == NormPlace::pre ? "pre" : "post";
}

const char* name_of(Positions positions) {
  switch (positions) {
    case Positions::none:
      return "none";
    case Positions::learned:
      return "learned";
    case Positions::sinusoid_halves:
      return "sinusoid_halves";
    case Positions::sinusoid_fairseq:
      return "sinusoid_fairseq";
    case Positions::relative:
      return "relative";
  }
  return "?";
}

const char* name_of(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::relu:
      return "relu";
    case ActivationKind::gelu_erf:
      return "gelu_erf";
    case ActivationKind::gelu_tanh:
      return "gelu_tanh";
    case ActivationKind::silu:
      return "silu";
    case ActivationKind::tanh:
      return "tanh";
  }
  return "?";
}

std::string describe(const Config& config) {
  return fmt::format(
      "encoder: {}; decoder: {}; shared_embeddings={} bridge={} head: present={} tied={} bias={} "
      "scale={} transform={} transform_activation={}",
      describe(config.encoder), describe(config.decoder), config.shared_embeddings, config.bridge,
      config.head.present, config.head.tied, config.head.bias, config.head.scale,
      config.head.transform, name_of(config.head.transform_activation));
}

void check_config(const Config& config) {
  check(config.has_encoder() || config.has_decoder(), ErrorCode::bad_data,
        "the model has neither encoder nor decoder layers");
  if (config.has_encoder()) check_stack("encoder", config.encoder);
  if (!config.has_decoder()) return;
  check_stack("decoder", config.decoder);
  check(config.decoder.cross || !config.has_encoder(), ErrorCode::bad_data,
        "the decoder has no cross-attention to read the encoder with");
  check(!config.decoder.cross || config.has_encoder(), ErrorCode::bad_data,
        "the decoder has cross-attention but there is no encoder");
  if (config.decoder.cross) {
    const int width = config.bridge > 0 ? config.bridge : config.encoder.d_model;
    check(config.decoder.cross_width == width, ErrorCode::bad_data,
          "cross-attention reads rows of {}, the encoder makes rows of {}",
          config.decoder.cross_width, width);
  }
  if (config.shared_embeddings) {
    check(config.encoder.vocab == config.decoder.vocab &&
              config.encoder.d_model == config.decoder.d_model,
          ErrorCode::bad_data, "a shared token table needs equal sides, not [{}, {}] and [{}, {}]",
          config.encoder.vocab, config.encoder.d_model, config.decoder.vocab,
          config.decoder.d_model);
  }
}

}  // namespace transept
