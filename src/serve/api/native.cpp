#include "serve/api/native.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/nearest.h"
#include "serve/errors.h"
#include "serve/router.h"

namespace transept::serve {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<int>::max() / 4;

int to_count(const Json& value) {
  return static_cast<int>(value.as_int(0, kMost));
}

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

namespace {

void check_known(const Json& object, std::span<const std::string_view> names) {
  object.each_member([&](std::string_view key, const Json&) {
    if (std::find(names.begin(), names.end(), key) != names.end()) return;
    fail(ErrorCode::usage, "\"{}\" is not known here; there is {}", key.substr(0, 100),
         fmt::join(names, ", "));
  });
}

}  // namespace

void check_members(const Json& object, std::initializer_list<std::string_view> names) {
  check_known(object, std::span(names.begin(), names.size()));
}

bool says_nothing(const Json& value) {
  if (value.is_bool()) return !value.as_bool();
  if (value.is_number()) return value.as_number() == 0;
  if (value.is_string())
    return value.as_string().empty() || value.as_string() == "none" || value.as_string() == "auto";
  if (value.is_array() || value.is_object()) return value.size() == 0;
  return true;
}

void check_meaning(const Json& object, std::string_view where,
                   std::initializer_list<std::string_view> names) {
  object.each_member([&](std::string_view key, const Json& value) {
    if (std::find(names.begin(), names.end(), key) != names.end() || says_nothing(value)) return;
    fail(ErrorCode::usage, "{}\"{}\" is not known here, so it would have no effect; there is {}",
         where, key.substr(0, 100), fmt::join(names, ", "));
  });
}

void check_question(const Json& body, std::initializer_list<std::string_view> more) {
  std::vector<std::string_view> names(kQuestion.begin(), kQuestion.end());
  names.insert(names.end(), more.begin(), more.end());
  check_known(body, names);
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
    if (key == "source_language" || key == "target_language") return;  // languages_of()
    if (set_option(search, key, value, Spelling::own)) return;
    const std::vector<std::string> names = option_names(Spelling::own);
    const std::string near = nearest_word(key, names, 4);
    fail(ErrorCode::usage, "options: \"{}\" is not known here; {}", key.substr(0, 100),
         near.empty() ? fmt::format("there is {}", fmt::join(names, ", "))
                      : fmt::format("did you mean \"{}\"?", near));
  });
}

Languages languages_of(const Json& body) {
  Languages languages{body.get("source_language", ""), body.get("target_language", "")};
  if (const auto options = body.find("options"); options && options->is_object()) {
    if (languages.source.empty()) languages.source = options->get("source_language", "");
    if (languages.target.empty()) languages.target = options->get("target_language", "");
  }
  return languages;
}

PromptText prompt_of(const Json& body) {
  return {.text = body.get("prompt", ""), .any = body.get("any_prompt", false)};
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
  }
  const Languages languages = languages_of(body);
  const Direction direction = ask.engine->loaded().direction(languages);
  check(ask.memory.empty() || languages.empty() || !direction.is_in_input(), ErrorCode::usage,
        "target language {}: this model is told it in the input, which the memory holds already; "
        "make a memory with it",
        languages.target);
  if (const auto text = body.find("input"))
    set_source(ask, text->as_string(), direction);
  else if (const auto ids = body.find("source_ids"))
    ask.source = ids_of(*ids, ask.engine->most_input_tokens());
  if (const auto ids = body.find("prompt_ids"))
    ask.prompt = ids_of(*ids, ask.engine->most_target_tokens());
  else
    ask.prompt = prompt_ids(*ask.engine, prompt_of(body), direction);
  if (const auto keep = body.find("keep")) ask.keep = segments_of(*keep);
  ask.search = ask.engine->defaults();
  if (direction.forced_bos) ask.search.forced_bos = direction.forced_bos;
  const auto options = body.find("options");
  if (options) set_search(ask.search, *options);
  // A folder's number of hypotheses is for its own number of beams.
  const bool is_asked = options && options->find("n_best");
  if (!is_asked && !ask.search.sample)
    ask.search.n_best = std::min(ask.search.n_best, ask.search.beams);
  return ask;
}

}  // namespace

Task<Ask> ask_of(Call& call, const Json& body) {
  Engine& engine = engine_of(call, body);
  Ask ask = co_await reading(call, [&] { return read_ask(engine, body); });
  co_return ask;
}

const char* name_of(Finish finish) {
  switch (finish) {
    case Finish::eos:
      return "eos";
    case Finish::stop:
      return "stop";
    case Finish::length:
      break;
  }
  return "length";
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
    json.member("finish", name_of(hypothesis.finish)).end_object();
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
