// What a memory is called, and moving one between servers.
#include <cstring>

#include "base/hash.h"
#include "io/memory_file.h"
#include "serve/memory_store.h"

namespace transept::serve {
namespace {

void add_number(Hasher& hash, std::int64_t number) {
  hash.add(&number, sizeof number);
}

// Whatever else the file says about itself.
bool same_rows(const Memory& memory, const MemoryContents& contents) {
  return memory.rows() == contents.rows && memory.width() == contents.width &&
         std::memcmp(memory.hidden().data, contents.hidden.as<float>(), memory.hidden().bytes()) ==
             0;
}

}  // namespace

std::string MemoryStore::id_of(const Maker& maker, std::span<const Token> source,
                               std::span<const Memory::Segment> segments) {
  Hasher hash;
  hash.add("transept memory 1\n");
  add_number(hash, maker.numerics);
  hash.add(maker.model);
  hash.add(maker.tokenizer_hash);
  add_number(hash, static_cast<std::int64_t>(segments.size()));
  for (const Memory::Segment& segment : segments) add_number(hash, segment.end);
  for (const Token id : source) add_number(hash, id);
  return hash.hex();
}

std::string MemoryStore::id_of(const Engine& engine, std::span<const Token> source,
                               std::span<const Memory::Segment> segments) {
  return id_of(Maker{engine.fingerprint(), engine.tokenizer_hash()}, source, segments);
}

Task<std::string> MemoryStore::data(Scope& scope, std::string id) {
  const Found found = co_await by_id(scope, id);
  co_return memory_bytes(found.memory);
}

Task<MemoryStore::Info> MemoryStore::upload(Scope& scope, std::string id, std::string bytes) {
  MemoryContents contents;
  const std::string name = "memory " + id.substr(0, 64);
  const auto parse = [&] {
    contents = read_memory_file(SafetensorsFile::parse(std::as_bytes(std::span(bytes)), name));
  };
  co_await on_file_thread(loop_, parse);
  scope.check();
  const auto made_by = engines_.find(contents.fingerprint);
  check(made_by != engines_.end(), ErrorCode::mismatch,
        "{}: made by model {}, which this server does not have", name, contents.fingerprint);
  Engine& engine = *made_by->second;
  check_belongs(contents, name, engine.model());
  const std::string right = id_of(engine, contents.ids, contents.segments);
  check(id == right, ErrorCode::usage, "{}: these contents have the id {}", name, right);
  Memory memory;
  if (!info(id)) {
    const auto project = [&](Context& c) { memory = make_memory(c, engine.model(), contents); };
    co_await engine.run(scope, project, static_cast<std::int64_t>(contents.ids.size()));
  }
  if (!info(id)) {
    Entry& entry = entries_[id];
    entry.engine = &engine;
    entry.uploaded = true;
    make_hot(id, entry, memory);
  } else {
    const Found mine = co_await by_id(scope, id);
    memory = mine.memory;
    check(same_rows(memory, contents), ErrorCode::mismatch,
          "{}: there is a memory of this id with other contents; DELETE it first", name);
  }
  co_await keep(engine, id, memory);
  trim();
  Info made = info(id).value_or(Info{id, &engine, memory.rows(), memory.bytes(), 0, true});
  co_return made;
}

}  // namespace transept::serve
