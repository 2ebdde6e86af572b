// /v1/generate, /v1/score.
#include "generate/score.h"
#include "serve/api/native.h"
#include "serve/api/stream.h"

namespace transept::serve {
namespace {

constexpr int kShortAnswer = 4096;  // tokens, written where they come

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
  Explanation explanation;
  if (explain)
    explanation =
        co_await explain_answer(call, ask, answer.memory.memory, answer.hypotheses.front().ids, {});
  const auto write = [&] {
    JsonWriter json;
    json.begin_object();
    if (is_last_event) json.member("done", true);
    write_answer(json, ask, answer);
    if (explain) {
      json.key("explanation");
      write_explanation(json, explanation, false);
    }
    json.end_object();
    return json.take();
  };
  const bool is_long = explain || answer.output_tokens() > kShortAnswer;
  std::string text;  // (GCC 12 miscompiles co_await in a conditional expression.)
  if (is_long)
    text = co_await writing(call, write);
  else
    text = write();
  co_return text;
}

std::vector<Token> target_of(const Engine& engine, const Json& body, bool after_prompt) {
  if (const auto ids = body.find("target_ids")) return ids_of(*ids, engine.most_target_tokens());
  const auto text = body.find("target");
  if (!text) return {};
  (void)engine.text();  // Error if there is none
  const Direction direction = engine.loaded().direction(languages_of(body));
  return engine.loaded().target_ids(text->as_string(), after_prompt, direction);
}

std::string score_json(const Engine& engine, const MemoryStore::Found& found, const Score& scored,
                       int top) {
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
  return json.take();
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
  const JsonDocument document = co_await json_body(call);
  const Json body = document.root();
  check_question(body, {"options", "stream", "explain"});
  Ask ask = co_await ask_of(call, body);
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
  const JsonDocument document = co_await json_body(call);
  const Json body = document.root();
  check_question(body, {"target", "target_ids", "top"});
  Ask ask = co_await ask_of(call, body);
  Engine& engine = *ask.engine;
  const std::vector<Token> target =
      co_await reading(call, [&] { return target_of(engine, body, !ask.prompt.empty()); });
  check(!target.empty(), ErrorCode::usage, "there is no target: give \"target\" or \"target_ids\"");
  check_asked(call, ask);
  const std::vector<Token> prompt = whole_prompt(ask);
  engine.check_target(prompt.size() + target.size());
  const auto positions = static_cast<std::int64_t>(prompt.size() + target.size());
  const auto ticket = call.service.admission->admit(call.key, asked_rows(call, ask) + positions);
  const MemoryStore::Found found = co_await find_memory(call, ask);
  const Memory rows = co_await kept_memory(call, ask, found.memory);
  const ScoreRequest request{rows, prompt, target};
  const int top = top_of(body, 0);
  Score scored;
  const auto run = [&](Context& c) {
    scored = score(c, engine.model(), std::span(&request, 1), ask.search, top).front();
  };
  co_await engine.run(call.exchange.scope, run, positions);
  const auto write = [&] { return score_json(engine, found, scored, top); };
  std::string text = co_await writing(call, write);
  co_await send_json(call, std::move(text));
}

}  // namespace transept::serve
