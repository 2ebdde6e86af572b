// An Explanation as one JSON object, all layers and heads (render_json_lines shows one of them).
#include <algorithm>
#include <cmath>

#include "serve/api/native.h"
#include "text/base64.h"

namespace transept::serve {
namespace {

void write_piece(JsonWriter& json, const Explanation::Piece& piece) {
  json.begin_object().member("id", piece.id).member("piece", piece.text).end_object();
}

void write_pieces(JsonWriter& json, const char* name, const std::vector<Explanation::Piece>& all) {
  json.key(name).begin_array();
  for (const Explanation::Piece& piece : all) write_piece(json, piece);
  json.end_array();
}

void write_candidate(JsonWriter& json, const Explanation::Candidate& candidate) {
  json.begin_object().member("id", candidate.piece.id).member("piece", candidate.piece.text);
  json.member("probability", candidate.probability).end_object();
}

std::string packed_weights(const std::vector<float>& weights) {
  std::string bytes;
  bytes.reserve(2 * weights.size());
  for (const float weight : weights) {
    const auto value = static_cast<unsigned>(std::lround(std::clamp(weight, 0.F, 1.F) * 65535.F));
    bytes += static_cast<char>(value & 0xFFU);
    bytes += static_cast<char>(value >> 8U);
  }
  return encode_base64(bytes);
}

// [layer][head][position, key] row after row.
void write_maps(JsonWriter& json, const char* name, const std::vector<Explanation::Map>& maps,
                bool packed) {
  json.key(name).begin_array();
  int layer = -1;
  for (const Explanation::Map& map : maps) {
    if (map.layer != layer) {
      if (layer >= 0) json.end_array();
      json.begin_array();
      layer = map.layer;
    }
    if (packed) {
      json.value(packed_weights(map.weights));
      continue;
    }
    json.begin_array();
    for (const float weight : map.weights) json.value(weight);
    json.end_array();
  }
  if (layer >= 0) json.end_array();
  json.end_array();
}

}  // namespace

void write_explanation(JsonWriter& json, const Explanation& e, bool packed) {
  json.begin_object().member("family", e.family).member("model", e.model);
  json.member("input", e.input_text).member("prompt", e.prompt_text);
  json.member("n_start", e.n_start).member("n_prompt", e.n_prompt);
  json.member("encoder_layers", e.encoder_layers).member("decoder_layers", e.decoder_layers);
  json.member("n_heads", e.n_heads).member("d_model", e.d_model);
  write_pieces(json, "source", e.source);
  write_pieces(json, "target", e.target);
  write_maps(json, "self", e.self, packed);
  write_maps(json, "cross", e.cross, packed);
  if (!e.value_norms.empty()) {
    json.key("value_norms").begin_array();
    for (const float norm : e.value_norms) json.value(norm);
    json.end_array();
  }
  json.key("steps").begin_array();
  for (const Explanation::Step& step : e.steps) {
    json.begin_object().member("positions", step.positions).key("top").begin_array();
    for (const Explanation::Candidate& candidate : step.top) write_candidate(json, candidate);
    json.end_array().key("chosen");
    write_candidate(json, step.chosen);
    json.member("finished", step.finished).member("text", step.text).end_object();
  }
  json.end_array().end_object();
}

}  // namespace transept::serve
