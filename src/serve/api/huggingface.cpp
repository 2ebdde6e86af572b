// Hugging Face: the inference API's POST / (translation, summarization, text generation) and TGI's
// /generate, /generate_stream, /info.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/nearest.h"
#include "serve/api/native.h"
#include "serve/api/stream.h"
#include "serve/api/translate.h"

namespace transept::serve {
namespace {

std::string error_body(const Failure& failure) {
  JsonWriter json;
  json.begin_object().member("error", failure.message);
  json.member("error_type", failure.status < 500 ? "validation" : "generation").end_object();
  return json.take();
}

constexpr std::array<std::string_view, 8> kOwn = {
    "seed",   "memory", "prompt", "any_prompt", "src_lang", "tgt_lang", "generate_parameters",
    "details"};  // details are always given
constexpr std::array<std::string_view, 9> kRefused = {
    "stop",    "watermark",         "return_full_text", "truncate",  "grammar",
    "best_of", "frequency_penalty", "top_n_tokens",     "adapter_id"};

// A pipeline's own defaults, said aloud.
bool is_default(std::string_view name, const Json& value) {
  if (says_nothing(value)) return true;
  if (name == "truncation") return value.is_string() && value.as_string() == "do_not_truncate";
  if (name == "best_of") return value.is_number() && value.as_number() == 1;
  return name == "use_cache" || (name == "return_text" && value.is_bool());
}

// Named as in generation_config.json, and kOwn. Error usage for others that say something.
void set_parameters(GenerateOptions& search, const Json& parameters) {
  check_option_lists(parameters);
  parameters.each_member([&](std::string_view name, const Json& value) {
    if (std::ranges::find(kOwn, name) != kOwn.end()) return;
    if (set_option(search, name, value, Spelling::reference) || is_default(name, value)) return;
    check(std::ranges::find(kRefused, name) == kRefused.end(), ErrorCode::unsupported,
          "parameters.{} is not supported", name);
    const std::vector<std::string> names = option_names(Spelling::reference);
    const std::string near = nearest_word(name, names, 3);
    fail(ErrorCode::usage, "parameters.{} is not known here; {}", name.substr(0, 100),
         near.empty()
             ? fmt::format("there is {}, {}", fmt::join(kOwn, ", "), fmt::join(names, ", "))
             : fmt::format("did you mean {}?", near));
  });
}

// What the body has beside "inputs" and "parameters".
void check_body(const Json& body) {
  check_meaning(body, "", {"inputs", "parameters", "stream", "options", "model"});
  if (const auto options = body.find("options"))  // of the hosted service: about its machines
    check_meaning(*options, "options: ", {"use_cache", "wait_for_model", "use_gpu"});
}

// The model and languages that "src_lang" and "tgt_lang" ask for.
TranslationPair pair_for(const Service& service, const Json& body) {
  const auto parameters = body.find("parameters");
  const std::string source = parameters ? parameters->get("src_lang", "") : "";
  const std::string target = parameters ? parameters->get("tgt_lang", "") : "";
  if (!target.empty()) return find_pair(service, source, target);
  Engine& engine = service.engine(body.get("model", ""));
  return {&engine, source, "", engine.loaded().direction({source, target})};
}

// All that a request says beside its inputs: read once, and its lists shared by all of them.
struct Asked {
  Ask ask;
  Direction direction;
  bool any_prompt = false;
};

Asked asked_of(const Service& service, const Json& body) {
  check_body(body);
  const TranslationPair pair = pair_for(service, body);
  Asked asked;
  asked.direction = pair.direction;
  Ask& ask = asked.ask;
  ask.engine = pair.engine;
  ask.search = ask.engine->defaults();
  ask.search.logprobs = false;  // nobody sees them
  if (pair.direction.forced_bos) ask.search.forced_bos = pair.direction.forced_bos;
  PromptText prompt;
  if (const auto parameters = body.find("parameters")) {
    set_parameters(ask.search, *parameters);
    if (const auto more = parameters->find("generate_parameters"))
      set_parameters(ask.search, *more);
    if (const auto seed = parameters->find("seed"))
      ask.search.seed = static_cast<std::uint64_t>(seed->as_int());
    ask.memory = parameters->get("memory", "");
    prompt = prompt_of(*parameters);
    asked.any_prompt = prompt.any;
  }
  if (ask.memory.empty()) ask.prompt = prompt_ids(*ask.engine, prompt, asked.direction);
  check_lengths(ask);
  return asked;
}

// "inputs" is the encoder's input, or, with a memory, the prompt.
Ask ask_for(const Asked& asked, std::string_view inputs) {
  Ask ask = asked.ask;
  if (ask.memory.empty())
    set_source(ask, inputs, asked.direction);
  else
    ask.prompt = prompt_ids(*ask.engine, {.text = std::string(inputs), .any = asked.any_prompt},
                            asked.direction);
  return ask;
}

const char* finish_of(const Answer& answer) {
  switch (answer.hypotheses.front().finish) {
    case Finish::eos:
      return "eos_token";
    case Finish::stop:
      return "stop_sequence";
    case Finish::length:
      break;
  }
  return "length";
}

void write_details(JsonWriter& json, const Answer& answer) {
  json.key("details").begin_object().member("finish_reason", finish_of(answer));
  json.member("generated_tokens", answer.hypotheses.front().ids.size()).key("seed").null();
  json.key("prefill").begin_array().end_array().key("tokens").begin_array().end_array();
  json.end_object();
}

std::string token_event(const Engine& engine, Token token, const std::string& text,
                        const Answer* last) {
  JsonWriter json;
  json.begin_object().member("index", 0).key("token").begin_object();
  json.member("id", token).member("text", text).key("logprob").null();
  json.member("special", engine.tokenizer() != nullptr && engine.tokenizer()->is_special(token));
  json.end_object();
  if (last == nullptr) {
    json.key("generated_text").null().key("details").null();
  } else {
    json.member("generated_text", last->texts.front());
    json.key("details").begin_object().member("finish_reason", finish_of(*last));
    json.member("generated_tokens", last->hypotheses.front().ids.size());
    json.member("input_length", last->source_tokens).key("seed").null().end_object();
  }
  json.end_object();
  return json.take();
}

// One token behind, so that the last one can carry the whole text.
Task<void> stream(Call& call, Ask ask) {
  EventStream events(call);
  const Engine& engine = *ask.engine;
  struct Held {
    Token token = 0;
    std::string text;
    bool any = false;
  } held;
  std::exception_ptr error;
  const auto more = [&](Token token, const std::string& text) {
    std::string before = held.any ? token_event(engine, held.token, held.text, nullptr) : "";
    held = {token, text, true};
    return before;
  };
  try {
    const Answer answer = co_await events.answer(std::move(ask), more);
    // To a blank text nothing was said but its end.
    if (!held.any && !engine.config().eos.empty()) held.token = engine.config().eos.front();
    std::string last = token_event(engine, held.token, held.text, &answer);
    co_await events.send(std::move(last));
  } catch (...) {
    error = std::current_exception();
  }
  if (error) co_await events.fail(error, error_body);
}

std::vector<Ask> asks_of(const Service& service, const Json& body) {
  const Json inputs = body.at("inputs");
  const std::vector<Json> texts =
      inputs.is_array() ? elements_of(inputs, kMostTexts, "inputs") : std::vector<Json>{inputs};
  check(!texts.empty(), ErrorCode::usage, "inputs: there is none");
  const Asked asked = asked_of(service, body);
  std::vector<Ask> asks;
  for (const Json& text : texts) asks.push_back(ask_for(asked, text.as_string()));
  return asks;
}

Task<void> infer(Call& call) {
  const JsonDocument document = co_await json_body(call);
  const Json body = document.root();
  std::vector<Ask> asks = co_await reading(call, [&] { return asks_of(call.service, body); });
  if (body.get("stream", false)) {
    check(asks.size() == 1, ErrorCode::usage, "stream: one input at a time");
    co_await stream(call, std::move(asks.front()));
    co_return;
  }
  const std::vector<Answer> answers = co_await answer_all(call, std::move(asks));
  JsonWriter json;
  json.begin_array();
  for (const Answer& answer : answers) {
    json.begin_object();
    for (const char* name : {"generated_text", "translation_text", "summary_text"})
      json.member(name, answer.texts.front());
    json.member("memory", answer.memory.id).member("encoder_runs", answer.encoder_runs());
    json.member("cached_tokens", answer.cached_tokens());
    write_details(json, answer);
    json.end_object();
  }
  json.end_array();
  co_await send_json(call, json.take());
}

Task<void> generate(Call& call) {
  const JsonDocument document = co_await json_body(call);
  const Json body = document.root();
  const auto read = [&] {
    return ask_for(asked_of(call.service, body), body.at("inputs").as_string());
  };
  Ask ask = co_await reading(call, read);
  const Answer answer = co_await serve::answer(call, std::move(ask));
  JsonWriter json;
  json.begin_object().member("generated_text", answer.texts.front());
  write_details(json, answer);
  json.member("encoder_runs", answer.encoder_runs());
  json.member("cached_tokens", answer.cached_tokens()).end_object();
  co_await send_json(call, json.take());
}

Task<void> generate_stream(Call& call) {
  const JsonDocument document = co_await json_body(call);
  const Json body = document.root();
  const auto read = [&] {
    return ask_for(asked_of(call.service, body), body.at("inputs").as_string());
  };
  Ask ask = co_await reading(call, read);
  co_await stream(call, std::move(ask));
}

Task<void> info(Call& call) {
  const Engine& engine = call.service.engine("");
  JsonWriter json;
  json.begin_object().member("model_id", engine.name()).member("model_sha", engine.fingerprint());
  const Storage storage = storage_of(engine.model());
  const bool plain = storage == Storage::f32;
  json.member("model_dtype", plain ? "float32" : name_of(storage))
      .member("model_device_type", "cpu");
  json.member("model_pipeline_tag", "text2text-generation");
  json.member("max_total_tokens", call.service.options.most_new_tokens);
  json.member("router", "transept").end_object();
  co_await send_json(call, json.take());
}

}  // namespace

void add_huggingface_routes(std::vector<Route>& routes) {
  routes.push_back({"POST", "/", infer, error_body});
  routes.push_back({"POST", "/generate", generate, error_body});
  routes.push_back({"POST", "/generate_stream", generate_stream, error_body});
  routes.push_back({"GET", "/info", info, error_body});
}

}  // namespace transept::serve
