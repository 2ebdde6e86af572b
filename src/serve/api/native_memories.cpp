// /v1/memories: inputs that were read, as a resource. Each is looked up in the key's namespace.
#include <algorithm>
#include <charconv>
#include <map>

#include "serve/api/native.h"
#include "serve/errors.h"
#include "serve/off_loop.h"

namespace transept::serve {
namespace {

constexpr size_t kMostParts = 1024;  // of a joined memory
constexpr size_t kMostListed = 1000;

MemoryName name_of(const Call& call, std::string_view id) {
  return {call.key.space, std::string(id)};
}

MemoryStore::Info there(const Call& call, const MemoryName& name) {
  const auto info = call.service.store->info(name);
  if (!info)
    fail(ErrorCode::not_found, "{}: there is none of this id; POST /v1/memories makes one",
         spelled(name));
  return *info;
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

std::string details(const MemoryStore::Info& info, const Memory& memory) {
  JsonWriter json;
  json.begin_object();
  write_info(json, info);
  json.key("ids").begin_array();
  for (const Token id : memory.ids()) json.value(id);
  json.end_array().key("segments").begin_array();
  for (const Memory::Segment& s : memory.segments())
    json.begin_array().value(s.begin).value(s.end).end_array();
  json.end_array();
  if (const Tokenizer* tokenizer = info.engine->tokenizer(); tokenizer != nullptr) {
    json.member("text", tokenizer->decode(memory.ids())).key("pieces").begin_array();
    for (const Token id : memory.ids()) json.value(tokenizer->piece(id));
    json.end_array();
  }
  json.end_object();
  return json.take();
}

// "limit=100&after=ID"
struct Page {
  size_t limit = kMostListed;
  std::string after;
};
Page page_of(const HttpRequest& request) {
  Page page;
  for (const auto& [name, value] : parse_form(request.query)) {
    check(name == "limit" || name == "after", ErrorCode::usage,
          "\"{}\" is not known here; there is limit, after",
          [&name = name] { return name.substr(0, 100); });
    if (name == "after") {
      page.after = value;
      continue;
    }
    const auto [end, error] =
        std::from_chars(value.data(), value.data() + value.size(), page.limit);
    check(
        error == std::errc() && end == value.data() + value.size() && page.limit >= 1 &&
            page.limit <= kMostListed,
        ErrorCode::usage, "limit: \"{}\", expected 1 to {}",
        [&value = value] { return value.substr(0, 100); }, kMostListed);
  }
  return page;
}

// What is to be joined, by name: each is loaded once, however often it is wanted.
struct Parts {
  Engine* engine = nullptr;
  std::vector<MemoryName> names;
  std::int64_t rows = 0;
};
Parts parts_of(const Call& call, const Json& body) {
  const Json list = body.at("memories");
  const size_t n = list.size();
  check(n >= 1 && n <= kMostParts, ErrorCode::usage, "memories: {} of them, expected 1 to {} ids",
        n, kMostParts);
  Parts parts;
  for (const Json& id : list.elements()) {
    parts.names.push_back(name_of(call, id.as_string()));
    const MemoryStore::Info info = there(call, parts.names.back());
    Engine& engine = call.service.engine(info.engine->name());
    check(
        parts.engine == nullptr || parts.engine == &engine, ErrorCode::mismatch,
        "memories of two models cannot be joined: {} is of {}, others of {}",
        [&] { return spelled(parts.names.back()); }, engine.name(),
        [&] { return parts.engine->name(); });
    parts.engine = &engine;
    parts.rows += info.rows_at_most;
  }
  call.service.store->check_rows(*parts.engine, parts.rows, "joined they have");
  return parts;
}

}  // namespace

Task<void> make_memory(Call& call) {
  MemoryStore& store = *call.service.store;
  const JsonDocument document = co_await json_body(call);
  const Json body = document.root();
  check_members(
      body, {"model", "text", "input", "ids", "source_ids", "source_language", "target_language"});
  at_most_one(body, {"text", "input", "ids", "source_ids"});
  Engine& engine = call.service.engine(body.get("model", ""));
  const auto read = [&] {
    if (const auto text = body.find("text") ? body.find("text") : body.find("input"))
      return source_ids(engine, text->as_string(), engine.loaded().direction(languages_of(body)));
    if (const auto ids = body.find("ids") ? body.find("ids") : body.find("source_ids"))
      return ids_of(*ids, engine.most_source_tokens());
    fail(ErrorCode::usage, "there is no input: give \"text\" or \"ids\"");
  };
  std::vector<Token> source = co_await reading(call, read);
  engine.check_source(source);
  const auto ticket =
      call.service.admission->admit(call.key, static_cast<std::int64_t>(source.size()));
  call.source_tokens = static_cast<std::int64_t>(source.size());
  const MemoryStore::Found found =
      co_await store.of_input(call.exchange.scope, call.key.space, engine, std::move(source));
  const MemoryName name = name_of(call, found.id);
  co_await store.keep(engine, name, found.memory);  // acknowledged: it will be there
  const MemoryStore::Info info =
      store.info(name).value_or(MemoryStore::Info{.id = found.id,
                                                  .engine = &engine,
                                                  .rows = found.memory.rows(),
                                                  .ram_bytes = found.memory.bytes()});
  co_await send_info(call, info, !found.encoded, found.encoder_runs(), found.seconds,
                     found.encoded ? 201 : 200);
}

// A page of them, by id: what one request lists does not grow with what there is.
Task<void> list_memories(Call& call) {
  const Page page = page_of(call.exchange.request);
  const MemoryStore& store = *call.service.store;
  const std::vector<MemoryStore::Info> some =
      store.list(call.key.space, page.after, page.limit + 1);
  const std::size_t ram_bytes = store.ram().bytes_of(call.key.space);
  const std::size_t disk_bytes = store.disk().bytes_of(call.key.space);
  const auto write = [&] {
    const std::size_t n = std::min(some.size(), page.limit);
    JsonWriter json;
    json.begin_object().key("memories").begin_array();
    for (std::size_t i = 0; i < n; ++i) {
      json.begin_object();
      write_info(json, some[i]);
      json.end_object();
    }
    json.end_array();
    if (n < some.size()) json.member("next", some[n - 1].id);
    json.member("ram_bytes", ram_bytes).member("disk_bytes", disk_bytes).end_object();
    return json.take();
  };
  std::string json = co_await off_loop(*call.service.http, call.exchange.scope, write);
  co_await send_json(call, std::move(json));
}

Task<void> get_memory(Call& call) {
  MemoryStore& store = *call.service.store;
  const MemoryName name = name_of(call, call.parameters[0]);
  const auto ticket = call.service.admission->admit(call.key, there(call, name).rows_at_most);
  const MemoryStore::Found found = co_await store.by_name(call.exchange.scope, name);
  const MemoryStore::Info info = there(call, name);  // it may have been deleted meanwhile
  std::string json = co_await off_loop(*call.service.http, call.exchange.scope,
                                       [&] { return details(info, found.memory); });
  co_await send_json(call, std::move(json));
}

Task<void> delete_memory(Call& call) {
  const MemoryName name = name_of(call, call.parameters[0]);
  const bool was_there = co_await call.service.store->remove(name);
  check(was_there, ErrorCode::not_found, "{}: there is none of this id",
        [&] { return spelled(name); });
  Response response;
  response.status = 204;
  co_await call.exchange.send(std::move(response));
}

// Piece by piece: a slow reader holds no more than one.
Task<void> get_memory_data(Call& call) {
  Exchange& exchange = call.exchange;
  const MemoryName name = name_of(call, call.parameters[0]);
  const auto ticket = call.service.admission->admit(call.key, there(call, name).rows_at_most);
  const auto data = co_await call.service.store->data(exchange.scope, name);
  Response head;
  head.content_type = "application/octet-stream";
  head.headers.emplace_back("Content-Disposition",
                            "attachment; filename=\"" + name.id + ".memory\"");
  co_await exchange.begin(std::move(head));
  while (exchange.request.method != "HEAD") {
    std::string piece = co_await data->next(*call.service.http, exchange.scope);
    if (piece.empty()) co_return;
    co_await exchange.write(std::move(piece));
  }
}

Task<void> put_memory_data(Call& call) {
  MemoryStore& store = *call.service.store;
  const MemoryName name = name_of(call, call.parameters[0]);
  const bool known = store.info(name).has_value();
  std::string bytes = std::move(call.exchange.request.body);
  MemoryStore::Brought brought =
      co_await store.look_at(call.exchange.scope, name, std::move(bytes));
  const auto ticket = call.service.admission->admit(call.key, brought.rows);
  std::shared_ptr<void> turn = co_await store.making().take(call.exchange.scope);
  const MemoryStore::Info info =
      co_await store.upload(call.exchange.scope, name, std::move(brought));
  turn.reset();  // a slow reader holds none
  co_await send_info(call, info, known, 0, 0, known ? 200 : 201);
}

Task<void> concat_memories(Call& call) {
  MemoryStore& store = *call.service.store;
  Scope& scope = call.exchange.scope;
  const JsonDocument document = co_await json_body(call);
  check_members(document.root(), {"memories"});
  const Parts parts = parts_of(call, document.root());
  const auto ticket = call.service.admission->admit(call.key, parts.rows);
  std::shared_ptr<void> turn = co_await store.making().take(scope);
  std::map<MemoryName, Memory> loaded;
  for (const MemoryName& name : parts.names) {
    if (loaded.contains(name)) continue;
    const MemoryStore::Found found = co_await store.by_name(scope, name);
    loaded.emplace(name, found.memory);
  }
  const Memory joined = co_await off_loop(*call.service.http, scope, [&] {
    std::vector<Memory> all;
    for (const MemoryName& name : parts.names) all.push_back(loaded.at(name));
    return concat(all);
  });
  const MemoryStore::Info made = store.add(call.key.space, *parts.engine, joined);
  const MemoryName name = name_of(call, made.id);
  co_await store.keep(*parts.engine, name, joined);
  const MemoryStore::Info info = store.info(name).value_or(made);
  turn.reset();
  co_await send_info(call, info, true, 0, 0, 201);
}

}  // namespace transept::serve
