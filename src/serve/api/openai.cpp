#include "serve/api/openai.h"

#include <ctime>
#include <random>

namespace transept::serve {
namespace {

std::vector<std::string> stop_texts(const Json& body) {
  std::vector<std::string> stops;
  const auto stop = body.find("stop");
  if (!stop) return stops;
  if (stop->is_string())
    stops.emplace_back(stop->as_string());
  else
    for (const Json& text : elements_of(*stop, kMostStops, "texts"))
      stops.emplace_back(text.as_string());
  std::erase(stops, "");
  size_t bytes = 0;
  for (const std::string& text : stops) bytes += text.size();
  check(bytes <= kMostStopBytes, ErrorCode::limit,
        "stop: {} bytes in all, at most {} are looked for", bytes, kMostStopBytes);
  return stops;
}

void write_model(JsonWriter& json, const Engine& engine) {
  json.begin_object().member("id", engine.name()).member("object", "model");
  json.member("created", engine.loaded_at()).member("owned_by", "transept");
  json.key("prompts").begin_array();
  for (const std::string& prompt : engine.prompts()) json.value(prompt);
  json.end_array().end_object();
}

Task<void> list_models(Call& call) {
  JsonWriter json;
  json.begin_object().member("object", "list").key("data").begin_array();
  for (const auto& engine : call.service.engines) write_model(json, *engine);
  json.end_array().end_object();
  co_await send_json(call, json.take());
}

Task<void> get_model(Call& call) {
  JsonWriter json;
  write_model(json, call.service.engine(call.parameters[0]));
  co_await send_json(call, json.take());
}

}  // namespace

std::string openai_error_body(const Failure& failure) {
  JsonWriter json;
  json.begin_object().key("error").begin_object().member("message", failure.message);
  json.member("type", failure.status < 500 ? "invalid_request_error" : "server_error");
  json.key("param").null().member("code", failure.code).end_object().end_object();
  return json.take();
}

std::string openai_id(const char* prefix) {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  return fmt::format("{}-{:016x}", prefix, random());
}

std::int64_t now_unix() {
  return std::time(nullptr);
}

std::string content_text(const Json& content) {
  if (content.is_string()) return std::string(content.as_string());
  std::string text;
  for (const Json& part : elements_of(content, kMostTexts, "parts")) {
    const std::string type = part.get("type", "");
    check(type == "text" || type == "input_text" || type == "output_text", ErrorCode::unsupported,
          "{}: content of type \"{}\" cannot be read; text can", part, type);
    text += part.at("text").as_string();
  }
  return text;
}

namespace {

// Members that the answer does not depend on, and those that are obeyed; "messages" and so on are
// read by their surface.
void check_openai_members(const Json& body) {
  if (const auto format = body.find("response_format"))
    check(format->get("type", "text") == "text", ErrorCode::unsupported,
          "\"response_format\": plain text is what exists");
  if (const auto text = body.find("text"))
    if (const auto format = text->find("format"))
      check(format->get("type", "text") == "text", ErrorCode::unsupported,
            "\"text.format\": plain text is what exists");
  if (const auto best = body.find("best_of"))
    check(best->is_number() && best->as_number() == static_cast<double>(body.get("n", 1)),
          ErrorCode::unsupported, "\"best_of\" is not supported, but for the value of \"n\"");
  if (const auto modalities = body.find("modalities"))
    for (const Json& one : modalities->elements())
      check(one.as_string() == "text", ErrorCode::unsupported,
            "\"modalities\": text is what exists");
  if (const auto truncation = body.find("truncation"))
    check(truncation->as_string() == "disabled", ErrorCode::unsupported,
          "\"truncation\": nothing is cut here; say disabled");
  check_meaning(body, "",
                {"model",
                 "prompt",
                 "messages",
                 "input",
                 "instructions",
                 "memory",
                 "input_text",
                 "any_prompt",
                 "source_language",
                 "target_language",
                 "options",
                 "max_tokens",
                 "max_completion_tokens",
                 "max_output_tokens",
                 "temperature",
                 "top_p",
                 "n",
                 "seed",
                 "stop",
                 "stream",
                 "stream_options",
                 "response_format",
                 "text",
                 "best_of",
                 "modalities",
                 "truncation",
                 "user",
                 "metadata",
                 "store",
                 "service_tier",
                 "safety_identifier",
                 "prompt_cache_key",
                 "prompt_cache_retention",
                 "parallel_tool_calls"});
}

}  // namespace

Ask openai_ask(const Service& service, const Json& body, std::string_view text,
               std::string_view begun) {
  return with_text(openai_base(service, body), text, begun);
}

Ask with_text(const OpenAiBase& base, std::string_view text, std::string_view begun) {
  Ask ask = base.ask;
  PromptText prompt{.text = std::string(begun), .any = base.any_prompt};
  if (base.has_input)
    prompt.text = std::string(text) + prompt.text;
  else
    set_source(ask, text, base.direction);
  ask.prompt = prompt_ids(*ask.engine, prompt, base.direction);
  return ask;
}

Ask with_ids(const OpenAiBase& base, const Json& array) {
  Ask ask = base.ask;
  if (base.has_input) {
    ask.prompt = ids_of(array, ask.engine->most_target_tokens());
  } else {
    ask.source = ids_of(array, ask.engine->most_input_tokens());
    ask.prompt = prompt_ids(*ask.engine, {.any = base.any_prompt}, base.direction);
  }
  return ask;
}

OpenAiBase openai_base(const Service& service, const Json& body) {
  for (const char* name : {"logprobs", "top_logprobs", "echo", "suffix", "presence_penalty",
                           "frequency_penalty", "logit_bias", "tools", "functions", "background"}) {
    const auto value = body.find(name);
    check(!value || says_nothing(*value), ErrorCode::unsupported, "\"{}\" is not supported", name);
  }
  check_openai_members(body);
  OpenAiBase base;
  Ask& ask = base.ask;
  ask.engine = &service.engine(body.get("model", ""));
  ask.search = ask.engine->defaults();
  ask.search.logprobs = false;  // nobody sees them
  base.direction = ask.engine->loaded().direction(languages_of(body));
  if (base.direction.forced_bos) ask.search.forced_bos = base.direction.forced_bos;
  base.any_prompt = body.get("any_prompt", false);
  const auto memory = body.find("memory");
  const auto input = memory ? std::nullopt : body.find("input_text");
  if (memory) ask.memory = memory->as_string();
  if (input) set_source(ask, input->as_string(), base.direction);
  check_lengths(ask);
  base.has_input = memory || input;
  for (const char* name : {"max_tokens", "max_completion_tokens", "max_output_tokens"})
    if (const auto most = body.find(name))
      ask.search.max_new_tokens = static_cast<int>(most->as_int(1, 1 << 24));
  if (const auto temperature = body.find("temperature")) {
    check(temperature->as_number() >= 0, ErrorCode::usage, "temperature: {}, expected 0 or more",
          temperature->as_number());
    ask.search.sample = temperature->as_number() > 0;
    if (ask.search.sample) {
      ask.search.temperature = temperature->as_number();
      ask.search.beams = 1;
    }
  }
  if (const auto top_p = body.find("top_p")) ask.search.top_p = top_p->as_number();
  if (const auto seed = body.find("seed"))
    ask.search.seed = static_cast<std::uint64_t>(seed->as_int());
  if (const auto n = body.find("n")) {
    ask.search.n_best = static_cast<int>(n->as_int(1, 128));
    if (!ask.search.sample) ask.search.beams = std::max(ask.search.beams, ask.search.n_best);
  }
  if (const auto options = body.find("options")) set_search(ask.search, *options);
  ask.stops = stop_texts(body);
  return base;
}

bool instructions_are_prompt(const Service& service, const Json& body) {
  const bool is_asked = !service.engine(body.get("model", "")).prompts().empty();
  return is_asked && !body.find("memory") && !body.find("input_text");
}

std::string StopText::cut(const std::string& text, bool& stopped) const {
  size_t end = text.size();
  stopped = false;
  for (const std::string& stop : stops_) {
    const size_t at = text.find(stop);
    if (at >= end) continue;
    end = at;
    stopped = true;
  }
  return text.substr(0, end);
}

std::string StopText::add(const std::string& text) {
  if (stopped_) return "";
  held_ += text;
  std::string whole = cut(held_, stopped_);
  if (stopped_) return whole;
  size_t sure = held_.size();
  for (const std::string& stop : stops_) {
    for (size_t n = std::min(stop.size() - 1, held_.size()); n > 0; --n) {
      if (!std::string_view(held_).ends_with(std::string_view(stop).substr(0, n))) continue;
      sure = std::min(sure, held_.size() - n);
      break;
    }
  }
  std::string ready = held_.substr(0, sure);
  held_.erase(0, sure);
  return ready;
}

std::string StopText::finish() {
  return stopped_ ? "" : std::exchange(held_, "");
}

const char* finish_reason(const Hypothesis& hypothesis, bool stopped) {
  return stopped || hypothesis.finish == Finish::eos ? "stop" : "length";
}

bool wants_usage(const Json& body) {
  const auto options = body.find("stream_options");
  return options && options->get("include_usage", false);
}

void write_usage(JsonWriter& json, const std::vector<Answer>& answers, bool as_responses) {
  int input = 0;
  int cached = 0;
  int output = 0;
  for (const Answer& answer : answers) {
    input += answer.source_tokens + answer.prompt_tokens;
    cached += answer.cached_tokens();
    output += answer.output_tokens();
  }
  const std::string in = as_responses ? "input_tokens" : "prompt_tokens";
  const std::string out = as_responses ? "output_tokens" : "completion_tokens";
  json.key("usage").begin_object().member(in, input).member(out, output);
  json.member("total_tokens", input + output).key(in + "_details").begin_object();
  json.member("cached_tokens", cached).end_object().key(out + "_details").begin_object();
  json.member("reasoning_tokens", 0).end_object().end_object();
}

void write_extras(JsonWriter& json, const std::vector<Answer>& answers) {
  int runs = 0;
  int cached = 0;
  for (const Answer& answer : answers) {
    runs += answer.encoder_runs();
    cached += answer.cached_tokens();
  }
  json.member("encoder_runs", runs).member("cached_tokens", cached);
  if (answers.size() == 1 && !answers[0].memory.id.empty())
    json.member("memory", answers[0].memory.id);
}

void add_openai_routes(std::vector<Route>& routes) {
  const auto add = [&](const char* method, const char* path, Handler handler) {
    routes.push_back({method, path, handler, openai_error_body});
  };
  add("POST", "/v1/completions", openai_completions);
  add("POST", "/v1/chat/completions", openai_chat);
  add("POST", "/v1/responses", openai_responses);
  add("GET", "/v1/models", list_models);
  add("GET", "/v1/models/{id}", get_model);
}

}  // namespace transept::serve
