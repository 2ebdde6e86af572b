// /v1/generate, /v1/score.
#include "generate/score.h"
#include "serve/api/native.h"
#include "serve/api/stream.h"

namespace transept::serve {
namespace {

std::string token_json(const Engine& engine, Token token, const std::string& text) {
  JsonWriter json;
  json.begin_object().member("id", token);
  if (engine.tokenizer() != nullptr) json.member("piece", engine.tokenizer()->piece(token));
  json.member("text", text).end_object();
  return json.take();
}

// The answer as JSON; with its explanation if asked for.
Task<std::string> answer_json(Call& call, const Ask& ask, const Answer& answer, bool explain,
                              bool is_last_event) {
  JsonWriter json;
  json.begin_object();
  if (is_last_event) json.member("done", true);
  write_answer(json, ask, answer);
  if (explain) {
    const Explanation explanation =
        co_await explain_answer(call, ask, answer.memory.memory, answer.hypotheses.front().ids, {});
    json.key("explanation");
    write_explanation(json, explanation, false);
  }
  json.end_object();
  co_return json.take();
}

Task<void> stream_generate(Call& call, Ask ask, bool explain) {
  EventStream stream(call, true);
  const Ask asked = ask;
  const auto more = [&](Token token, const std::string& text) {
    return token_json(*asked.engine, token, text);
  };
  std::exception_ptr error;
  try {
    const Answer answer = co_await stream.answer(std::move(ask), more);
    std::string json = co_await answer_json(call, asked, answer, explain, true);
    co_await stream.send(std::move(json));
  } catch (...) {
    error = std::current_exception();
  }
  if (error) co_await stream.fail(error, native_error_body);
}

}  // namespace

Task<void> native_generate(Call& call) {
  const JsonDocument document = json_body(call.exchange.request);
  const Json body = document.root();
  check_question(body, {"options", "stream", "explain"});
  Ask ask = ask_of(call.service, body);
  const bool explain = body.get("explain", false);
  if (explain) ask.is_blank = false;  // how the model sees it is what is asked
  if (body.get("stream", false)) {
    co_await stream_generate(call, std::move(ask), explain);
    co_return;
  }
  const Answer answer = co_await serve::answer(call, ask);
  std::string json = co_await answer_json(call, ask, answer, explain, false);
  co_await send_json(call, std::move(json));
}

Task<void> native_score(Call& call) {
  const JsonDocument document = json_body(call.exchange.request);
  const Json body = document.root();
  check_question(body, {"target", "target_ids", "top"});
  Ask ask = ask_of(call.service, body);
  Engine& engine = *ask.engine;
  std::vector<Token> target;
  if (const auto ids = body.find("target_ids")) {
    target = ids_of(*ids);
  } else if (const auto text = body.find("target")) {
    (void)engine.text();  // Error if there is none
    const Direction direction = engine.loaded().direction(languages_of(body));
    target = engine.loaded().target_ids(text->as_string(), !ask.prompt.empty(), direction);
  }
  check(!target.empty(), ErrorCode::usage, "there is no target: give \"target\" or \"target_ids\"");
  const auto ticket = call.service.admission->admit(
      call.key, static_cast<std::int64_t>((ask.source ? ask.source->size() : 0) +
                                          ask.prompt.size() + target.size()));
  const MemoryStore::Found found = co_await find_memory(call, ask);
  const Memory rows = with_rows_kept(found.memory, ask.keep);
  const ScoreRequest request{rows, whole_prompt(ask), target};
  const int top = top_of(body, 0);
  Score scored;
  const auto run = [&](Context& c, const Engine::Step&) {
    scored = score(c, engine.model(), std::span(&request, 1), ask.search, top).front();
  };
  co_await engine.run(call.exchange.scope, run);
  JsonWriter json;
  json.begin_object().member("model", engine.name());
  if (!found.id.empty()) json.member("memory", found.id);
  json.member("encoder_runs", found.encoder_runs()).member("cached_tokens", found.cached_tokens());
  json.member("logprob", scored.logprob).key("tokens").begin_array();
  for (const TokenScore& token : scored.tokens) {
    json.begin_object().member("id", token.id);
    if (engine.tokenizer() != nullptr) json.member("piece", engine.tokenizer()->piece(token.id));
    json.member("logprob", token.logprob);
    if (top > 0) json.key("top").begin_array();
    for (const Scored& candidate : token.top)
      json.begin_array().value(candidate.index).value(candidate.value).end_array();
    if (top > 0) json.end_array();
    json.end_object();
  }
  json.end_array().end_object();
  co_await send_json(call, json.take());
}

}  // namespace transept::serve
