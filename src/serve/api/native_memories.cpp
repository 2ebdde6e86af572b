// /v1/memories: inputs that were read, as a resource.
#include "serve/api/native.h"
#include "serve/errors.h"

namespace transept::serve {
namespace {

std::string text_of(const MemoryStore::Info& info, const Memory& memory) {
  const Tokenizer* tokenizer = info.engine->tokenizer();
  return tokenizer == nullptr ? "" : tokenizer->decode(memory.ids());
}

Task<void> send_info(Call& call, const MemoryStore::Info& info, bool cached, int encoder_runs,
                     double seconds, int status) {
  JsonWriter json;
  json.begin_object();
  write_info(json, info);
  json.member("cached", cached).member("encoder_runs", encoder_runs);
  json.member("cached_tokens", cached ? info.rows : 0).member("seconds", seconds);
  json.end_object();
  co_await send_json(call, json.take(), status);
}

}  // namespace

Task<void> make_memory(Call& call) {
  MemoryStore& store = *call.service.store;
  const JsonDocument document = json_body(call.exchange.request);
  const Json body = document.root();
  check_members(
      body, {"model", "text", "input", "ids", "source_ids", "source_language", "target_language"});
  at_most_one(body, {"text", "input", "ids", "source_ids"});
  Engine& engine = call.service.engine(body.get("model", ""));
  std::vector<Token> source;
  if (const auto text = body.find("text") ? body.find("text") : body.find("input"))
    source = source_ids(engine, text->as_string(), engine.loaded().direction(languages_of(body)));
  else if (const auto ids = body.find("ids") ? body.find("ids") : body.find("source_ids"))
    source = ids_of(*ids);
  else
    fail(ErrorCode::usage, "there is no input: give \"text\" or \"ids\"");
  const auto ticket =
      call.service.admission->admit(call.key, static_cast<std::int64_t>(source.size()));
  call.source_tokens = static_cast<std::int64_t>(source.size());
  const MemoryStore::Found found =
      co_await store.of_input(call.exchange.scope, engine, std::move(source));
  co_await store.keep(engine, found.id, found.memory);  // acknowledged: it will be there
  const MemoryStore::Info info = store.info(found.id).value_or(
      MemoryStore::Info{found.id, &engine, found.memory.rows(), found.memory.bytes(), 0, false});
  co_await send_info(call, info, !found.encoded, found.encoder_runs(), found.seconds,
                     found.encoded ? 201 : 200);
}

Task<void> list_memories(Call& call) {
  JsonWriter json;
  json.begin_object().key("memories").begin_array();
  for (const MemoryStore::Info& info : call.service.store->list()) {
    json.begin_object();
    write_info(json, info);
    json.end_object();
  }
  const StoreCounters& counters = call.service.store->counters();
  json.end_array().member("ram_bytes", counters.ram_bytes);
  json.member("disk_bytes", counters.disk_bytes).end_object();
  co_await send_json(call, json.take());
}

Task<void> get_memory(Call& call) {
  MemoryStore& store = *call.service.store;
  const MemoryStore::Found found = co_await store.by_id(call.exchange.scope, call.parameters[0]);
  const auto info = store.info(found.id);
  check(info.has_value(), ErrorCode::not_found, "memory {}: it was just deleted", found.id);
  JsonWriter json;
  json.begin_object();
  write_info(json, *info);
  json.key("ids").begin_array();
  for (const Token id : found.memory.ids()) json.value(id);
  json.end_array().key("segments").begin_array();
  for (const Memory::Segment& s : found.memory.segments())
    json.begin_array().value(s.begin).value(s.end).end_array();
  json.end_array();
  if (info->engine->tokenizer() != nullptr) {
    json.member("text", text_of(*info, found.memory)).key("pieces").begin_array();
    for (const Token id : found.memory.ids()) json.value(info->engine->tokenizer()->piece(id));
    json.end_array();
  }
  json.end_object();
  co_await send_json(call, json.take());
}

Task<void> delete_memory(Call& call) {
  const bool was_there = co_await call.service.store->remove(call.parameters[0]);
  check(was_there, ErrorCode::not_found, "memory {}: there is none of this id",
        call.parameters[0].substr(0, 64));
  Response response;
  response.status = 204;
  co_await call.exchange.send(std::move(response));
}

Task<void> get_memory_data(Call& call) {
  std::string bytes = co_await call.service.store->data(call.exchange.scope, call.parameters[0]);
  Response response;
  response.content_type = "application/octet-stream";
  response.headers.emplace_back("Content-Disposition",
                                "attachment; filename=\"" + call.parameters[0] + ".memory\"");
  response.body = std::move(bytes);
  co_await call.exchange.send(std::move(response));
}

Task<void> put_memory_data(Call& call) {
  const bool known = call.service.store->info(call.parameters[0]).has_value();
  std::string bytes = std::move(call.exchange.request.body);
  const MemoryStore::Info info = co_await call.service.store->upload(
      call.exchange.scope, call.parameters[0], std::move(bytes));
  co_await send_info(call, info, known, 0, 0, known ? 200 : 201);
}

Task<void> concat_memories(Call& call) {
  MemoryStore& store = *call.service.store;
  const JsonDocument document = json_body(call.exchange.request);
  check_members(document.root(), {"memories"});
  const std::vector<Json> ids = document.root().at("memories").elements();
  check(!ids.empty() && ids.size() <= 1024, ErrorCode::usage,
        "memories: {} of them, expected 1 to 1024 ids", ids.size());
  std::vector<Memory> parts;
  Engine* engine = nullptr;
  std::int64_t rows = 0;
  for (const Json& id : ids) {
    const MemoryStore::Found found =
        co_await store.by_id(call.exchange.scope, std::string(id.as_string()));
    const auto info = store.info(found.id);
    check(info.has_value(), ErrorCode::not_found, "memory {}: it was just deleted", found.id);
    engine = &call.service.engine(info->engine->name());
    parts.push_back(found.memory);
    rows += found.memory.rows();
  }
  const auto ticket = call.service.admission->admit(call.key, rows);
  const Memory joined = concat(parts);
  const MemoryStore::Info made = store.add(*engine, joined);
  co_await store.keep(*engine, made.id, joined);
  const MemoryStore::Info info = store.info(made.id).value_or(made);
  co_await send_info(call, info, true, 0, 0, 201);
}

}  // namespace transept::serve
