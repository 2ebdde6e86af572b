// /v1/responses: input and instructions in, one message out.
#include "serve/api/openai.h"

namespace transept::serve {
namespace {

struct Reply {
  std::string id = openai_id("resp");
  std::string item = openai_id("msg");
  std::string model;
  std::int64_t created = now_unix();

  void message(JsonWriter& json, const std::string& text, const char* status) const {
    json.begin_object().member("id", item).member("type", "message").member("role", "assistant");
    json.member("status", status).key("content").begin_array();
    if (std::string_view(status) != "in_progress") part(json, text);
    json.end_array().end_object();
  }
  static void part(JsonWriter& json, const std::string& text) {
    json.begin_object().member("type", "output_text").member("text", text);
    json.key("annotations").begin_array().end_array().end_object();
  }
  // Without an answer: still in progress.
  void response(JsonWriter& json, const std::vector<Answer>& answers) const {
    const bool limited = !answers.empty() && answers[0].hypotheses.front().finish == Finish::length;
    json.begin_object().member("id", id).member("object", "response");
    json.member("created_at", created).member("model", model);
    json.member("status", answers.empty() ? "in_progress" : limited ? "incomplete" : "completed");
    json.key("error").null().key("instructions").null().key("metadata").begin_object().end_object();
    json.key("incomplete_details");
    if (limited)
      json.begin_object().member("reason", "max_output_tokens").end_object();
    else
      json.null();
    json.member("parallel_tool_calls", false).member("tool_choice", "none");
    json.key("tools").begin_array().end_array().key("temperature").null().key("top_p").null();
    json.key("output").begin_array();
    if (!answers.empty())
      message(json, answers[0].texts.front(), limited ? "incomplete" : "completed");
    json.end_array();
    if (!answers.empty()) {
      write_usage(json, answers, true);
      write_extras(json, answers);
    }
    json.end_object();
  }
};

class Events {
 public:
  Events(Call& call, const Reply& reply) : stream(call), reply_(reply) {}

  // Begins an event; `fill` adds what it carries.
  template <class F>
  Task<void> send(std::string type, F fill) {
    JsonWriter json;
    json.begin_object().member("type", type).member("sequence_number", sequence_++);
    fill(json);
    json.end_object();
    co_await stream.send(json.take(), type);
  }
  Task<void> begin() {
    const auto response = [&](JsonWriter& json) {
      json.key("response");
      reply_.response(json, {});
    };
    co_await send("response.created", response);
    co_await send("response.in_progress", response);
    const auto item = [&](JsonWriter& json) {
      json.member("output_index", 0).key("item");
      reply_.message(json, "", "in_progress");
    };
    co_await send("response.output_item.added", item);
    const auto part = [&](JsonWriter& json) {
      where(json);
      json.key("part");
      Reply::part(json, "");
    };
    co_await send("response.content_part.added", part);
  }
  Task<void> delta(std::string text) {
    const auto fill = [&](JsonWriter& json) {
      where(json);
      json.member("delta", text).key("logprobs").begin_array().end_array();
    };
    co_await send("response.output_text.delta", fill);
  }
  Task<void> end(const std::vector<Answer>& answers) {
    const std::string& text = answers[0].texts.front();
    const bool limited = answers[0].hypotheses.front().finish == Finish::length;
    const auto whole = [&](JsonWriter& json) {
      where(json);
      json.member("text", text).key("logprobs").begin_array().end_array();
    };
    co_await send("response.output_text.done", whole);
    const auto part = [&](JsonWriter& json) {
      where(json);
      json.key("part");
      Reply::part(json, text);
    };
    co_await send("response.content_part.done", part);
    const auto item = [&](JsonWriter& json) {
      json.member("output_index", 0).key("item");
      reply_.message(json, text, limited ? "incomplete" : "completed");
    };
    co_await send("response.output_item.done", item);
    const auto response = [&](JsonWriter& json) {
      json.key("response");
      reply_.response(json, answers);
    };
    co_await send(limited ? "response.incomplete" : "response.completed", response);
  }

  EventStream stream;

 private:
  void where(JsonWriter& json) const {
    json.member("item_id", reply_.item).member("output_index", 0).member("content_index", 0);
  }
  const Reply& reply_;
  int sequence_ = 0;
};

Task<void> stream(Call& call, Ask ask, const Reply& reply) {
  Events events(call, reply);
  bool begun = false;
  std::exception_ptr error;
  const Piece piece = [&](Token, std::string text) -> Task<void> {
    if (!std::exchange(begun, true)) co_await events.begin();
    if (!text.empty()) co_await events.delta(std::move(text));
  };
  try {
    std::vector<Answer> answers;
    answers.push_back(co_await serve::answer(call, std::move(ask), piece));
    co_await events.end(answers);
  } catch (...) {
    error = std::current_exception();
  }
  if (error) co_await events.stream.fail(error, openai_error_body);
}

// The input, after `instructions` where these are no prompt.
std::string text_of(const Json& body, std::string instructions) {
  std::string text = std::move(instructions);
  const Json input = body.at("input");
  if (input.is_string()) {
    text += (text.empty() ? "" : "\n") + std::string(input.as_string());
    return text;
  }
  for (const Json& item : elements_of(input, kMostTexts, "items")) {
    check(item.get("type", "message") == "message", ErrorCode::unsupported,
          "{}: items of this type cannot be read; messages can", item);
    text += (text.empty() ? "" : "\n") + content_text(item.at("content"));
  }
  return text;
}

}  // namespace

Task<void> openai_responses(Call& call) {
  const JsonDocument document = co_await json_body(call);
  const Json body = document.root();
  check(!body.find("previous_response_id"), ErrorCode::unsupported,
        "\"previous_response_id\": responses are not kept; memories are");
  Reply reply;
  const auto read = [&] {
    const std::string instructions = body.get("instructions", "");
    const bool is_prompt = instructions_are_prompt(call.service, body);
    return openai_ask(call.service, body, text_of(body, is_prompt ? "" : instructions),
                      is_prompt ? instructions : "");
  };
  std::vector<Ask> asks;
  asks.push_back(co_await reading(call, read));
  reply.model = asks[0].engine->name();
  if (body.get("stream", false)) {
    co_await stream(call, std::move(asks[0]), reply);
    co_return;
  }
  const std::vector<Answer> answers = co_await answer_all(call, std::move(asks));
  JsonWriter json;
  reply.response(json, answers);
  co_await send_json(call, json.take());
}

}  // namespace transept::serve
