// /v1/explain, /v1/occlusion, /v1/beams: looking inside.
#include <algorithm>

#include "generate/score.h"
#include "serve/api/native.h"
#include "trace/beam_tree.h"

namespace transept::serve {
namespace {

constexpr int kMostSteps = 512;      // of an explanation
constexpr int kMostTreeBeams = 16;   // of a tree
constexpr int kMostTreeSteps = 128;  // twice the beams are nodes at each
constexpr size_t kScoredAtOnce = 8;  // memories with a row left out

void write_found(JsonWriter& json, const MemoryStore::Found& found) {
  if (!found.id.empty()) json.member("memory", found.id);
  json.member("encoder_runs", found.encoder_runs()).member("cached_tokens", found.cached_tokens());
}

std::vector<Token> output_ids(const Engine& engine, const Json& body) {
  const auto ids = body.find("output_ids");
  return ids ? ids_of(*ids, engine.most_target_tokens()) : std::vector<Token>();
}

// All rows but one.
Memory without(const Memory& memory, int row) {
  std::vector<Memory> parts;
  if (row > 0) parts.push_back(slice(memory, 0, row));
  if (row + 1 < memory.rows()) parts.push_back(slice(memory, row + 1, memory.rows()));
  return concat(parts);
}

// What an occlusion takes, known before anything is encoded: the output once with all rows, and
// once without each of them.
std::int64_t occlusion_tokens(const Call& call, const Ask& ask, size_t output) {
  check_asked(call, ask);
  ask.engine->check_target(ask.prompt.size() + output);
  const std::int64_t rows = kept_rows(call, ask);
  check(rows <= static_cast<std::int64_t>(kMostOccluded), ErrorCode::limit,
        "{} rows to leave out in turn, at most {} are; keep fewer", rows, kMostOccluded);
  return asked_rows(call, ask) + (rows + 1) * static_cast<std::int64_t>(ask.prompt.size() + output);
}

void write_logprobs(JsonWriter& json, const Score& score) {
  json.begin_array();
  for (const TokenScore& token : score.tokens) json.value(token.logprob);
  json.end_array();
}

const char* name_of(BeamSession::Fate fate) {
  switch (fate) {
    case BeamSession::Fate::running:
      return "running";
    case BeamSession::Fate::ended:
      return "ended";
    case BeamSession::Fate::dropped:
      break;
  }
  return "dropped";
}

void write_tree(JsonWriter& json, const Engine& engine, const BeamTree& tree) {
  const Tokenizer* tokenizer = engine.tokenizer();
  json.key("nodes").begin_array();
  for (const BeamTree::Node& node : tree.nodes) {
    json.begin_object().member("parent", node.parent).member("step", node.step);
    json.member("id", node.token);
    if (tokenizer != nullptr) json.member("piece", tokenizer->piece(node.token));
    json.member("logprob", node.logprob).member("score", node.score);
    json.member("fate", name_of(node.fate)).end_object();
  }
  json.end_array().key("hypotheses").begin_array();
  for (size_t i = 0; i < tree.hypotheses.size(); ++i) {
    const Hypothesis& hypothesis = tree.hypotheses[i];
    json.begin_object().member("rank", i).member("score", hypothesis.score);
    json.member("text", tokenizer != nullptr ? tokenizer->decode(hypothesis.ids) : "");
    json.key("nodes").begin_array();
    for (const int node : tree.paths[i]) json.value(node);
    json.end_array().end_object();
  }
  json.end_array();
}

}  // namespace

Task<void> native_explain(Call& call) {
  const JsonDocument document = co_await json_body(call);
  const Json body = document.root();
  check_question(body, {"output_ids", "steps", "top", "packed", "value_norms"});
  Ask ask = co_await ask_of(call, body);
  Look look;
  if (const auto steps = body.find("steps"))
    look.steps = static_cast<int>(steps->as_int(1, kMostSteps));
  look.top = top_of(body, look.top);
  look.value_norms = body.get("value_norms", false);
  const std::vector<Token> output = output_ids(*ask.engine, body);
  ask.search.max_new_tokens = output.empty() ? look.steps : static_cast<int>(output.size());
  const std::int64_t tokens = estimate(call, ask);
  check_explained(call, ask, output.empty() ? static_cast<size_t>(look.steps) : output.size());
  const auto ticket = call.service.admission->admit(call.key, tokens);
  const MemoryStore::Found found = co_await find_memory(call, ask);
  Explanation explanation;
  if (output.empty())
    explanation = co_await explain_greedy(call, ask, found.memory, look);
  else
    explanation = co_await explain_answer(call, ask, found.memory, output, look);
  if (const auto text = body.find("input")) explanation.input_text = text->as_string();
  if (const auto text = body.find("prompt")) explanation.prompt_text = text->as_string();
  const auto write = [&] {
    JsonWriter json;
    json.begin_object();
    write_found(json, found);
    json.key("explanation");
    write_explanation(json, explanation, body.get("packed", false));
    json.end_object();
    return json.take();
  };
  std::string text = co_await writing(call, write);
  co_await send_json(call, std::move(text));
}

// The output's log-probabilities from the whole memory, and without each of its rows.
Task<void> native_occlusion(Call& call) {
  const JsonDocument document = co_await json_body(call);
  const Json body = document.root();
  check_question(body, {"output_ids"});
  const Ask ask = co_await ask_of(call, body);
  Engine& engine = *ask.engine;
  const std::vector<Token> output = output_ids(engine, body);
  check(!output.empty(), ErrorCode::usage, "there is no output: give \"output_ids\"");
  check(engine.config().has_encoder(), ErrorCode::usage,
        "model {} has no encoder: nothing to leave out", engine.name());
  const std::int64_t tokens = occlusion_tokens(call, ask, output.size());
  const auto ticket = call.service.admission->admit(call.key, tokens);
  const MemoryStore::Found found = co_await find_memory(call, ask);
  const Memory memory = co_await kept_memory(call, ask, found.memory);
  std::vector<Score> scores;  // of the whole memory, then without each row
  const int variants = memory.rows() > 1 ? memory.rows() + 1 : 1;
  const auto run = [&](Context& c) {
    for (int begin = 0; begin < variants; begin += static_cast<int>(kScoredAtOnce)) {
      std::vector<ScoreRequest> requests;
      for (int i = begin; i < variants && requests.size() < kScoredAtOnce; ++i) {
        c.pause();
        requests.push_back({i == 0 ? memory : without(memory, i - 1), ask.prompt, output});
      }
      for (Score& one : score(c, engine.model(), requests, ask.search))
        scores.push_back(std::move(one));
    }
  };
  co_await engine.run(call.exchange.scope, run, tokens);
  const auto write = [&] {
    JsonWriter json;
    json.begin_object();
    write_found(json, found);
    json.key("logprobs");
    write_logprobs(json, scores.front());
    json.key("without").begin_array();
    for (size_t i = 1; i < scores.size(); ++i) write_logprobs(json, scores[i]);
    json.end_array().end_object();
    return json.take();
  };
  std::string text = co_await writing(call, write);
  co_await send_json(call, std::move(text));
}

Task<void> native_beams(Call& call) {
  const JsonDocument document = co_await json_body(call);
  const Json body = document.root();
  check_question(body, {"options"});
  Ask ask = co_await ask_of(call, body);
  Engine& engine = *ask.engine;
  if (ask.search.beams < 2) ask.search.beams = 4;
  ask.search.n_best = ask.search.beams;
  check(ask.search.beams <= kMostTreeBeams, ErrorCode::limit, "{} beams, a tree has {} at most",
        ask.search.beams, kMostTreeBeams);
  const std::vector<Token> prompt = whole_prompt(ask);
  const auto ticket = call.service.admission->admit(call.key, estimate(call, ask));
  const int begun = static_cast<int>(decoder_prompt(ask.search, engine.config(), prompt).size());
  const int steps = length_limit(ask.search, engine.config(), begun) - begun;
  check(steps <= kMostTreeSteps, ErrorCode::limit,
        "{} new tokens, a tree has {} steps at most: set options.max_new_tokens", steps,
        kMostTreeSteps);
  const MemoryStore::Found found = co_await find_memory(call, ask);
  const Memory rows = co_await kept_memory(call, ask, found.memory);
  BeamTree tree;
  const auto run = [&](Context& c) {
    tree = trace_beams(c, engine.model(), rows, ask.search, prompt);
  };
  co_await engine.run(call.exchange.scope, run,
                      static_cast<std::int64_t>(prompt.size()) + steps * ask.search.beams);
  const auto write = [&] {
    JsonWriter json;
    json.begin_object();
    write_found(json, found);
    json.member("beams", ask.search.beams);
    write_tree(json, engine, tree);
    json.end_object();
    return json.take();
  };
  std::string text = co_await writing(call, write);
  co_await send_json(call, std::move(text));
}

}  // namespace transept::serve
