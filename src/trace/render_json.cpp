// The worked example as JSON lines: STEP 0 to 2 one object each, then STEP 3 and 4 in turn.
#include "base/json.h"
#include "trace/view.h"

namespace transept {
namespace {

void piece_members(JsonWriter& json, const Explanation::Piece& piece) {
  json.member("id", piece.id).member("piece", piece.text);
}

void pieces(JsonWriter& json, const char* name, std::span<const Explanation::Piece> list) {
  json.key(name).begin_array();
  for (const Explanation::Piece& piece : list) {
    json.begin_object();
    piece_members(json, piece);
    json.end_object();
  }
  json.end_array();
}

// Rows 0 … n of a map; under a causal mask a row ends at its own position.
void matrix(JsonWriter& json, const char* name, const std::vector<float>& weights, size_t rows,
            size_t columns, bool causal) {
  json.key(name).begin_array();
  for (size_t row = 0; row < rows; ++row) {
    json.begin_array();
    for (size_t column = 0; column < (causal ? row + 1 : columns); ++column)
      json.value(weights[row * columns + column]);
    json.end_array();
  }
  json.end_array();
}

void candidate(JsonWriter& json, const Explanation::Candidate& c) {
  json.begin_object();
  piece_members(json, c.piece);
  json.member("probability", c.probability).end_object();
}

std::string line(JsonWriter& json) {
  json.end_object();
  return json.take() + "\n";
}

std::string texts_and_tokens(const Explanation& e) {
  JsonWriter first;
  first.begin_object().member("step", 0).member("input", e.input_text);
  first.member("prompt", e.prompt_text).member("family", e.family).member("model", e.model);
  JsonWriter second;
  const size_t begun = static_cast<size_t>(e.n_start) + static_cast<size_t>(e.n_prompt);
  second.begin_object().member("step", 1).member("n_source", e.source.size());
  second.member("n_prompt", begun);
  pieces(second, "source", e.source);
  pieces(second, "prompt", std::span(e.target).first(std::min(begun, e.target.size())));
  std::string result = line(first) + line(second);
  if (e.source.empty()) return result;
  JsonWriter third;
  third.begin_object().member("step", 2).key("shape").begin_array();
  third.value(e.source.size()).value(e.d_model).end_array();
  third.member("encoder_runs", e.encoder_runs).key("hidden").begin_array();
  const auto width = static_cast<size_t>(e.d_model);
  for (size_t row = 0; row < e.source.size(); ++row) {
    third.begin_array();
    for (size_t i = 0; i < width; ++i) third.value(e.hidden[row * width + i]);
    third.end_array();
  }
  third.end_array();
  return result + line(third);
}

}  // namespace

std::string render_json_lines(const Explanation& e, const ExplanationView& given) {
  const ExplanationView view = resolve(e, given);
  std::string result = texts_and_tokens(e);
  const std::vector<float> self = select(e, e.self, view);
  const std::vector<float> cross = select(e, e.cross, view);
  for (size_t i = 0; i < e.steps.size(); ++i) {
    const Explanation::Step& step = e.steps[i];
    const auto rows = static_cast<size_t>(step.positions);
    JsonWriter third;
    third.begin_object().member("step", 3).member("iteration", i).member("layer", view.layer);
    if (view.head < 0)
      third.member("head", "mean");
    else
      third.member("head", view.head);
    pieces(third, "target", std::span(e.target).first(rows));
    matrix(third, "self", self, rows, e.target.size(), true);
    if (!e.cross.empty()) matrix(third, "cross", cross, rows, e.source.size(), false);
    JsonWriter fourth;
    fourth.begin_object().member("step", 4).member("iteration", i).key("top").begin_array();
    for (const Explanation::Candidate& c : step.top) candidate(fourth, c);
    fourth.end_array().key("chosen");
    candidate(fourth, step.chosen);
    fourth.member("finished", step.finished).member("text", step.text);
    result += line(third) + line(fourth);
  }
  return result;
}

}  // namespace transept
