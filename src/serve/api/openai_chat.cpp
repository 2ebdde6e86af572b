// /v1/completions and /v1/chat/completions: one shape, two spellings of the text.
#include "serve/api/openai.h"

namespace transept::serve {
namespace {

struct Shape {
  bool chat = false;
  std::string id;
  std::string model;
  std::int64_t created = 0;

  [[nodiscard]] std::string object(bool streams) const {
    if (!chat) return "text_completion";
    return streams ? "chat.completion.chunk" : "chat.completion";
  }
  void begin(JsonWriter& json, bool streams) const {
    json.begin_object().member("id", id).member("object", object(streams));
    json.member("created", created).member("model", model).key("choices").begin_array();
  }
  void choice(JsonWriter& json, size_t index, const std::string& text, const char* finish) const {
    json.begin_object().member("index", index);
    if (chat) {
      json.key("message").begin_object().member("role", "assistant").member("content", text);
      json.key("refusal").null().end_object();
    } else {
      json.member("text", text);
    }
    json.key("logprobs").null().member("finish_reason", finish).end_object();
  }
  [[nodiscard]] std::string chunk(const std::string& text, const char* finish, bool first) const {
    JsonWriter json;
    begin(json, true);
    json.begin_object().member("index", 0);
    if (chat) {
      json.key("delta").begin_object();
      if (first) json.member("role", "assistant");
      if (!text.empty() || first) json.member("content", text);
      json.end_object();
    } else {
      json.member("text", text);
    }
    json.key("logprobs").null().key("finish_reason");
    if (finish != nullptr)
      json.value(finish);
    else
      json.null();
    json.end_object().end_array().end_object();
    return json.take();
  }
};

Task<void> stream(Call& call, Ask ask, const Shape& shape, const Json& body) {
  check(ask.search.n_best == 1, ErrorCode::unsupported, "\"stream\" with \"n\" above 1");
  EventStream events(call);
  StopText stop(ask.stops);
  bool first = true;
  std::exception_ptr error;
  const auto more = [&](Token, const std::string& text) {
    const std::string ready = stop.add(text);
    if (ready.empty() && !first) return std::string();
    return shape.chunk(ready, nullptr, std::exchange(first, false));
  };
  try {
    std::vector<Answer> answers;
    answers.push_back(co_await events.answer(std::move(ask), more));
    const std::string rest = stop.finish();
    const char* finish = finish_reason(answers[0].hypotheses.front(), stop.stopped());
    std::string last = shape.chunk(rest, finish, first);
    co_await events.send(std::move(last));
    if (wants_usage(body)) {
      JsonWriter json;
      shape.begin(json, true);
      json.end_array();
      write_usage(json, answers);
      write_extras(json, answers);
      json.end_object();
      co_await events.send(json.take());
    }
    co_await events.send("[DONE]");
  } catch (...) {
    error = std::current_exception();
  }
  if (error) co_await events.fail(error, openai_error_body);
}

Task<void> whole(Call& call, std::vector<Ask> asks, const Shape& shape) {
  const StopText stop(asks.front().stops);
  const std::vector<Answer> answers = co_await answer_all(call, std::move(asks));
  JsonWriter json;
  shape.begin(json, false);
  size_t index = 0;
  for (const Answer& answer : answers) {
    for (size_t i = 0; i < answer.hypotheses.size(); ++i) {
      bool stopped = false;
      const std::string text = stop.cut(answer.texts[i], stopped);
      shape.choice(json, index++, text, finish_reason(answer.hypotheses[i], stopped));
    }
  }
  json.end_array();
  write_usage(json, answers);
  write_extras(json, answers);
  json.end_object();
  co_await send_json(call, json.take());
}

// Strings, or token ids: of one prompt or of several.
std::vector<Ask> completion_asks(const Service& service, const Json& body) {
  const Json prompt = body.at("prompt");
  if (prompt.is_string()) return {openai_ask(service, body, prompt.as_string())};
  check(!prompt.is_array() || prompt.size() > 0, ErrorCode::usage,
        "prompt: an empty array, expected 1 to {} texts, or ids", kMostTexts);
  const OpenAiBase base = openai_base(service, body);
  const size_t most = std::max(kMostTexts, base.ask.engine->most_input_tokens());
  if (elements_of(prompt, most, "ids")[0].is_integer()) return {with_ids(base, prompt)};
  std::vector<Ask> asks;
  for (const Json& part : elements_of(prompt, kMostTexts, "prompts"))
    asks.push_back(part.is_string() ? with_text(base, part.as_string()) : with_ids(base, part));
  return asks;
}

// What a conversation says: the input, and the prompt where one is given.
Ask chat_ask(const Service& service, const Json& body) {
  const std::vector<Json> messages = elements_of(body.at("messages"), kMostTexts, "messages");
  check(!messages.empty(), ErrorCode::usage, "messages: there is none");
  const bool is_asked = instructions_are_prompt(service, body);
  std::string text;
  std::string begun;
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string content = content_text(messages[i].at("content"));
    const std::string role(messages[i].at("role").as_string());
    const bool is_last = i + 1 == messages.size() && i > 0;
    const bool instructs = (role == "system" || role == "developer") && is_asked;
    const bool is_begun = is_last && role == "assistant";
    std::string& where = is_begun || instructs ? begun : text;
    where += (where.empty() ? "" : is_begun ? " " : "\n") + content;
  }
  return openai_ask(service, body, text, begun);
}

}  // namespace

Task<void> openai_completions(Call& call) {
  const JsonDocument document = co_await json_body(call);
  const Json body = document.root();
  std::vector<Ask> asks =
      co_await reading(call, [&] { return completion_asks(call.service, body); });
  const Shape shape{false, openai_id("cmpl"), asks[0].engine->name(), now_unix()};
  if (!body.get("stream", false)) {
    co_await whole(call, std::move(asks), shape);
    co_return;
  }
  check(asks.size() == 1, ErrorCode::unsupported, "\"stream\" with several prompts");
  co_await stream(call, std::move(asks[0]), shape, body);
}

Task<void> openai_chat(Call& call) {
  const JsonDocument document = co_await json_body(call);
  const Json body = document.root();
  std::vector<Ask> asks;
  asks.push_back(co_await reading(call, [&] { return chat_ask(call.service, body); }));
  const Shape shape{true, openai_id("chatcmpl"), asks[0].engine->name(), now_unix()};
  if (body.get("stream", false))
    co_await stream(call, std::move(asks[0]), shape, body);
  else
    co_await whole(call, std::move(asks), shape);
}

}  // namespace transept::serve
