#include "serve/api/native.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "serve/errors.h"
#include "serve/router.h"

namespace transept::serve {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<int>::max() / 4;

int to_count(const Json& value) {
  return static_cast<int>(value.as_int(0, kMost));
}

EarlyStopping to_early_stopping(const Json& value) {
  if (value.is_bool()) return value.as_bool() ? EarlyStopping::yes : EarlyStopping::no;
  check(value.as_string() == "never", ErrorCode::bad_data,
        "{}: \"{}\", expected true, false or \"never\"", value, value.as_string());
  return EarlyStopping::never;
}

using G = GenerateOptions;
struct SearchOption {
  std::string_view name;
  void (*set)(G& search, const Json& value);
};

constexpr std::array kSearchOptions = {
    SearchOption{"beams", [](G& g, const Json& v) { g.beams = to_count(v); }},
    SearchOption{"n_best", [](G& g, const Json& v) { g.n_best = to_count(v); }},
    SearchOption{"length_penalty", [](G& g, const Json& v) { g.length_penalty = v.as_number(); }},
    SearchOption{"early_stopping",
                 [](G& g, const Json& v) { g.early_stopping = to_early_stopping(v); }},
    SearchOption{"max_new_tokens", [](G& g, const Json& v) { g.max_new_tokens = to_count(v); }},
    SearchOption{"min_new_tokens", [](G& g, const Json& v) { g.min_new_tokens = to_count(v); }},
    SearchOption{"sample", [](G& g, const Json& v) { g.sample = v.as_bool(); }},
    SearchOption{"temperature", [](G& g, const Json& v) { g.temperature = v.as_number(); }},
    SearchOption{"top_k", [](G& g, const Json& v) { g.top_k = to_count(v); }},
    SearchOption{"top_p", [](G& g, const Json& v) { g.top_p = v.as_number(); }},
    SearchOption{"min_p", [](G& g, const Json& v) { g.min_p = v.as_number(); }},
    SearchOption{"typical_p", [](G& g, const Json& v) { g.typical_p = v.as_number(); }},
    SearchOption{"seed",
                 [](G& g, const Json& v) {
                   g.seed = static_cast<std::uint64_t>(
                       v.as_int(0, std::numeric_limits<std::int64_t>::max()));
                 }},
    SearchOption{"repetition_penalty",
                 [](G& g, const Json& v) { g.repetition_penalty = v.as_number(); }},
    SearchOption{"no_repeat_ngram", [](G& g, const Json& v) { g.no_repeat_ngram = to_count(v); }},
    SearchOption{"encoder_no_repeat_ngram",
                 [](G& g, const Json& v) { g.encoder_no_repeat_ngram = to_count(v); }},
    SearchOption{"logprobs", [](G& g, const Json& v) { g.logprobs = v.as_bool(); }},
};

std::vector<Memory::Segment> segments_of(const Json& array) {
  std::vector<Memory::Segment> segments;
  for (const Json& element : elements_of(array, kMostKept, "row ranges")) {
    check(!element.is_array() || element.size() == 2, ErrorCode::bad_data,
          "{}: expected two elements, [begin, end]", element);
    const std::vector<Json> ends = element.elements();
    segments.push_back({to_count(ends[0]), to_count(ends[1])});
  }
  check(!segments.empty(), ErrorCode::bad_data, "{}: no rows to keep", array);
  return segments;
}

}  // namespace

JsonDocument parse_body(const HttpRequest& request) {
  JsonDocument document = JsonDocument::parse(request.body, "request body", JsonForm::strict);
  check(document.root().is_object(), ErrorCode::bad_data, "request body: expected an object");
  return document;
}

Task<JsonDocument> json_body(Call& call) {
  // A document takes up to so many times its text: a list of digits does.
  constexpr size_t kTimes = 8;
  const HttpRequest& request = call.exchange.request;
  if (request.body.size() > kReadHere) call.exchange.hold(kTimes * request.body.size());
  JsonDocument document = co_await reading(call, [&] { return parse_body(request); });
  co_return document;
}

void check_members(const Json& object, std::initializer_list<std::string_view> names) {
  object.each_member([&](std::string_view key, const Json&) {
    if (std::find(names.begin(), names.end(), key) != names.end()) return;
    std::string all;
    for (const std::string_view name : names) all += (all.empty() ? "" : ", ") + std::string(name);
    fail(ErrorCode::usage, "\"{}\" is not known here; there is {}", key.substr(0, 100), all);
  });
}

void at_most_one(const Json& body, std::initializer_list<const char*> names) {
  const char* given = nullptr;
  for (const char* name : names) {
    if (!body.find(name)) continue;
    check(given == nullptr, ErrorCode::usage, "\"{}\" and \"{}\" exclude each other: give one",
          given == nullptr ? "" : given, name);
    given = name;
  }
}

std::vector<Token> ids_of(const Json& array, size_t most) {
  std::vector<Token> ids;
  for (const Json& element : elements_of(array, most, "token ids"))
    ids.push_back(static_cast<Token>(element.as_int(0, std::numeric_limits<Token>::max())));
  return ids;
}

int top_of(const Json& body, int otherwise) {
  constexpr int kMostTop = 100;
  const auto top = body.find("top");
  return top ? static_cast<int>(top->as_int(0, kMostTop)) : otherwise;
}

void set_search(GenerateOptions& search, const Json& options) {
  options.each_member([&](std::string_view key, const Json& value) {
    const auto option = std::find_if(kSearchOptions.begin(), kSearchOptions.end(),
                                     [&](const SearchOption& o) { return o.name == key; });
    check(option != kSearchOptions.end(), ErrorCode::usage, "options: \"{}\" is not known here",
          key.substr(0, 100));
    if (!value.is_null()) option->set(search, value);
  });
}

namespace {

// The memory says which model, unless the request does.
Engine& engine_of(const Call& call, const Json& body) {
  const Service& service = call.service;
  const auto memory = body.find("memory");
  if (!memory || body.find("model")) return service.engine(body.get("model", ""));
  const auto info = service.store->info({call.key.space, std::string(memory->as_string())});
  return service.engine(info ? info->engine->name() : "");
}

Ask read_ask(Engine& engine, const Json& body) {
  at_most_one(body, {"memory", "input", "source_ids"});
  at_most_one(body, {"prompt", "prompt_ids"});
  Ask ask;
  ask.engine = &engine;
  if (const auto memory = body.find("memory")) {
    ask.memory = memory->as_string();
  } else if (const auto text = body.find("input")) {
    ask.source = source_ids(*ask.engine, text->as_string());
  } else if (const auto ids = body.find("source_ids")) {
    ask.source = ids_of(*ids, ask.engine->most_input_tokens());
  }
  if (const auto text = body.find("prompt"))
    ask.prompt = prompt_ids(*ask.engine, text->as_string());
  if (const auto ids = body.find("prompt_ids"))
    ask.prompt = ids_of(*ids, ask.engine->most_target_tokens());
  if (const auto keep = body.find("keep")) ask.keep = segments_of(*keep);
  ask.search = ask.engine->defaults();
  if (const auto options = body.find("options")) set_search(ask.search, *options);
  return ask;
}

}  // namespace

Task<Ask> ask_of(Call& call, const Json& body) {
  Engine& engine = engine_of(call, body);
  Ask ask = co_await reading(call, [&] { return read_ask(engine, body); });
  co_return ask;
}

void write_answer(JsonWriter& json, const Ask& ask, const Answer& answer) {
  json.member("model", ask.engine->name());
  if (!answer.memory.id.empty()) json.member("memory", answer.memory.id);
  if (!answer.texts.empty()) json.member("text", answer.texts.front());
  json.key("hypotheses").begin_array();
  for (size_t i = 0; i < answer.hypotheses.size(); ++i) {
    const Hypothesis& hypothesis = answer.hypotheses[i];
    json.begin_object().member("rank", i).member("text", answer.texts[i]);
    json.key("ids").begin_array();
    for (const Token id : hypothesis.ids) json.value(id);
    json.end_array();
    if (!std::isnan(hypothesis.logprob))  // wanted
      json.member("score", hypothesis.score).member("logprob", hypothesis.logprob);
    json.member("finish", hypothesis.finish == Finish::eos ? "eos" : "length").end_object();
  }
  json.end_array();
  json.member("encoder_runs", answer.encoder_runs())
      .member("cached_tokens", answer.cached_tokens());
  json.member("source_tokens", answer.source_tokens).member("prompt_tokens", answer.prompt_tokens);
  json.member("output_tokens", answer.output_tokens());
  json.key("seconds").begin_object().member("memory", answer.memory.seconds);
  json.member("queue", answer.queue_seconds).member("decode", answer.decode_seconds).end_object();
}

void write_info(JsonWriter& json, const MemoryStore::Info& info) {
  json.member("id", info.id).member("model", info.engine->name());
  json.member("rows", info.rows).member("bytes", info.ram_bytes);
  json.member("file_bytes", info.file_bytes).member("hot", info.ram_bytes > 0);
  json.member("uploaded", info.uploaded);
}

Task<void> send_json(Call& call, std::string body, int status) {
  Response response;
  response.status = status;
  response.body = std::move(body);
  co_await call.exchange.send(std::move(response));
}

void add_native_routes(std::vector<Route>& routes) {
  const auto add = [&](const char* method, const char* path, Handler handler) {
    routes.push_back({method, path, handler, native_error_body});
  };
  add("POST", "/v1/memories", make_memory);
  add("GET", "/v1/memories", list_memories);
  add("POST", "/v1/memories/concat", concat_memories);
  add("GET", "/v1/memories/{id}", get_memory);
  add("DELETE", "/v1/memories/{id}", delete_memory);
  add("GET", "/v1/memories/{id}/data", get_memory_data);
  routes.push_back({"PUT", "/v1/memories/{id}/data", put_memory_data, native_error_body,
                    Access::key, BodyKind::data});
  add("POST", "/v1/generate", native_generate);
  add("POST", "/v1/score", native_score);
  add("POST", "/v1/explain", native_explain);
  add("POST", "/v1/occlusion", native_occlusion);
  add("POST", "/v1/beams", native_beams);
}

}  // namespace transept::serve
