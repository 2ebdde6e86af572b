#include "serve/memory_store.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "io/memory_file.h"
#include "model/encoder.h"

namespace transept::serve {
namespace {

constexpr int kMostSpills = 8;  // evicted memories on their way to disk; more are dropped

bool is_of(const Memory& memory, const std::vector<Token>& source) {
  return memory.segments().size() == 1 && std::ranges::equal(memory.ids(), source);
}

// Whatever the file is called.
bool is_right(const StoredMemory& file, const MemoryContents& contents, const Engine& engine) {
  return contents.fingerprint == engine.fingerprint() &&
         is_id_of(file.name.id, maker_of(file.name.space, engine), contents.ids, contents.segments);
}

}  // namespace

// An encoding or reading that any number of requests wait for. It ends early when none does.
struct MemoryStore::Loading {
  Scope scope;
  Signal done;
  int waiting = 0;
  Memory memory;
  bool is_uploaded = false;  // a client's word: not for a text
  bool encoded = false;      // not read from its file
  std::exception_ptr error;
};

MemoryStore::MemoryStore(Loop& loop, const StoreOptions& options)
    : loop_(loop),
      options_(options),
      folder_(options.folder),
      hot_(options.ram_bytes),
      files_(options.disk_bytes) {}

void MemoryStore::attach(Engine& engine) {
  if (!engines_.emplace(engine.fingerprint(), &engine).second) return;
  if (!folder_.exists()) return;
  const auto right = [&](const StoredMemory& file) {
    const auto contents = read_memory(file);
    return contents && is_right(file, *contents, engine);
  };
  for (StoredMemory& file : folder_.scan(engine.fingerprint(), right)) {
    Entry& entry = entries_[file.name];
    entry.engine = &engine;
    entry.uploaded = file.uploaded;
    set_file(entry, std::move(file));
  }
  trim_files();
}

Task<MemoryStore::Found> MemoryStore::of_input(Scope& scope, std::string space, Engine& engine,
                                               std::vector<Token> source) {
  check_source(engine.config(), source);
  const Memory::Segment whole{0, static_cast<int>(source.size())};
  Found found;
  found.id = id_of(maker_of(space, engine), source, std::span(&whole, 1));
  const MemoryName name{std::move(space), found.id};
  const double begin = now_seconds();
  const auto at = entries_.find(name);
  if (at != entries_.end() && !at->second.uploaded && !at->second.memory.empty()) {
    ++counters_.hits;
    hot_.touch(name);
    found.memory = at->second.memory;
  } else {
    co_await saved(name);  // one on its way from RAM to disk is there
    const Found loaded = co_await load(scope, name, engine, source);
    found.memory = loaded.memory;
    found.encoded = loaded.encoded;
  }
  // Nobody finds two sources with one id. If somebody does, this one is still answered from itself.
  if (!is_of(found.memory, source)) {
    found.memory = co_await engine.encode(scope, std::move(source));
    found.encoded = true;
  }
  found.seconds = now_seconds() - begin;
  co_return found;
}

Task<MemoryStore::Found> MemoryStore::by_name(Scope& scope, MemoryName name) {
  const auto is_hot = [&] { return entries_.contains(name) && !entries_.at(name).memory.empty(); };
  if (!is_hot()) co_await saved(name);  // one on its way from RAM to disk is there
  const auto at = entries_.find(name);
  if (at == entries_.end()) {
    ++counters_.misses;
    fail(ErrorCode::not_found, "{}: there is none of this id; POST /v1/memories makes one",
         spelled(name));
  }
  Found found;
  found.id = name.id;
  if (!at->second.memory.empty()) {
    ++counters_.hits;
    hot_.touch(name);
    found.memory = at->second.memory;
    co_return found;
  }
  const double begin = now_seconds();
  Engine& engine = *at->second.engine;
  const Found loaded = co_await load(scope, std::move(name), engine, {});
  found.memory = loaded.memory;
  found.seconds = now_seconds() - begin;
  co_return found;
}

// Whatever fails with files is the server's own trouble and names its paths: clients are told io.
Task<void> MemoryStore::with_files(std::function<void()> f) {
  const auto guarded = [&f] {
    try {
      f();
    } catch (const Error& error) {
      fail(ErrorCode::io, "{}", error.what());
    }
  };
  co_await on_file_thread(loop_, guarded);
}

// From its file, or by encoding the source; many requests for one id share the work, and the one
// that began it pays for it.
Task<MemoryStore::Found> MemoryStore::load(Scope& scope, MemoryName name, Engine& engine,
                                           std::vector<Token> source) {
  // One that everybody has left is on its way out, and a text takes no uploaded one: not joined.
  const auto is_no_use = [&](const Loading& loading) {
    return loading.scope.ended() != Ended::no || (loading.is_uploaded && !source.empty());
  };
  while (entries_.contains(name) && entries_.at(name).loading != nullptr &&
         is_no_use(*entries_.at(name).loading)) {
    const std::shared_ptr<Loading> other = entries_.at(name).loading;
    co_await scope.wait(other->done);
  }
  Entry& entry = entries_[name];
  entry.engine = &engine;
  std::shared_ptr<Loading> loading = entry.loading;
  const bool begins = loading == nullptr;
  if (begins) {
    loading = std::make_shared<Loading>();
    loading->is_uploaded = entry.uploaded && source.empty();
    loading->scope.owner = scope.owner;
    entry.loading = loading;
    spawn(load_now(loading, name, std::move(source)), {});
  }
  struct Leave {
    Loading& of;
    explicit Leave(Loading& joined) : of(joined) { ++of.waiting; }
    Leave(const Leave&) = delete;
    Leave& operator=(const Leave&) = delete;
    ~Leave() {
      if (--of.waiting == 0 && !of.done.is_set()) of.scope.cancel(Ended::client_gone);
    }
  };
  const Leave leave(*loading);
  co_await scope.wait(loading->done);
  if (loading->error) std::rethrow_exception(loading->error);
  Found found;
  found.memory = loading->memory;
  found.encoded = begins && loading->encoded;
  co_return found;
}

Task<void> MemoryStore::load_now(std::shared_ptr<Loading> loading, MemoryName name,
                                 std::vector<Token> source) {
  try {
    Engine& engine = *entries_.at(name).engine;
    const bool readable = entries_.at(name).file && (!entries_.at(name).uploaded || source.empty());
    if (readable) loading->memory = co_await read_file_of(loading->scope, name);
    if (loading->memory.empty()) {
      ++counters_.misses;
      check(!source.empty(), ErrorCode::not_found,
            "{}: its file was damaged or has been removed; encode the input again",
            [&] { return spelled(name); });
      loading->memory = co_await engine.encode(loading->scope, std::move(source));
      loading->encoded = true;
      Entry& entry = entries_[name];
      if (entry.uploaded && entry.file) drop_file(entry);
      entry.uploaded = false;
    }
    make_hot(name, entries_[name], loading->memory);
  } catch (...) {
    loading->error = std::current_exception();
  }
  if (const auto at = entries_.find(name); at != entries_.end()) at->second.loading = nullptr;
  forget_if_gone(name);
  loading->done.notify();
  trim();
}

// Empty if the file is not what its name says. Bytes that are not those that were written are
// removed; those of another memory are somebody's, and left where they are.
Task<Memory> MemoryStore::read_file_of(Scope& scope, MemoryName name) {
  const StoredMemory file = *entries_.at(name).file;
  Engine& engine = *entries_.at(name).engine;
  std::optional<MemoryContents> contents;
  const auto read = [&] { contents = read_memory(file); };
  co_await with_files(read);
  Memory memory;
  const bool undamaged = contents.has_value();
  if (undamaged && is_right(file, *contents, engine)) {
    check_belongs(*contents, spelled(name), engine.model());
    const auto project = [&](Context& c) { memory = make_memory(c, engine.model(), *contents); };
    co_await engine.run(scope, project, static_cast<std::int64_t>(contents->ids.size()));
    ++counters_.disk_hits;
    files_.touch(name);
    if (const auto at = entries_.find(name); at != entries_.end() && at->second.file)
      at->second.file->is_checked = true;
    co_return memory;
  }
  ++counters_.damaged;
  if (undamaged)
    log(LogLevel::warning, file.path.string() + ": the contents have another id, left alone");
  const auto at = entries_.find(name);
  if (at == entries_.end() || !at->second.file) co_return memory;
  if (undamaged)
    (void)forget_file(at->second);
  else
    drop_file(at->second);
  co_return memory;
}

MemoryStore::Info MemoryStore::add(const std::string& space, Engine& engine, Memory memory) {
  const MemoryName name{space, id_of(maker_of(space, engine), memory.ids(), memory.segments())};
  Entry& entry = entries_[name];
  entry.engine = &engine;
  if (entry.uploaded) {  // a client's word for what was now made here
    drop_hot(name, entry);
    if (entry.file) drop_file(entry);
    entry.uploaded = false;
  }
  if (entry.memory.empty()) make_hot(name, entry, std::move(memory));
  Info made = info_of(name, entry);
  trim();
  return made;
}

Task<void> MemoryStore::saved(MemoryName name) {
  while (entries_.contains(name) && entries_.at(name).saving != nullptr) {
    const std::shared_ptr<Signal> saving = entries_.at(name).saving;
    co_await saving->wait();
  }
}

Task<void> MemoryStore::keep(Engine& engine, MemoryName name, Memory memory) {
  if (!folder_.exists()) co_return;
  for (;;) {
    co_await saved(name);
    const auto at = entries_.find(name);
    if (at == entries_.end() || !at->second.file) break;
    // Somebody may have removed it, or the whole folder.
    bool there = false;
    const std::filesystem::path path = at->second.file->path;
    const auto look = [&] { there = is_file(path); };
    co_await with_files(look);
    if (there) co_return;
    const auto left = entries_.find(name);
    if (left != entries_.end() && left->second.file && left->second.file->path == path)
      (void)forget_file(left->second);
  }
  Entry& entry = entries_[name];
  entry.engine = &engine;
  entry.rows = memory.rows();
  co_await save(name, std::move(memory));
}

Task<void> MemoryStore::save(MemoryName name, Memory memory) {
  Entry& entry = entries_.at(name);
  const auto saving = std::make_shared<Signal>();
  entry.saving = saving;
  const std::string& fingerprint = entry.engine->fingerprint();
  const bool uploaded = entry.uploaded;
  StoredMemory file;
  std::exception_ptr error;
  const auto write = [&] {
    file = folder_.write(fingerprint, name, memory_bytes(memory), uploaded);
  };
  try {
    co_await with_files(write);
  } catch (...) {
    error = std::current_exception();
  }
  if (const auto at = entries_.find(name); at != entries_.end()) {
    at->second.saving = nullptr;
    if (!error) set_file(at->second, std::move(file));
    if (uploaded && !at->second.uploaded && !error) drop_file(at->second);  // made here meanwhile
  }
  saving->notify();
  forget_if_gone(name);
  if (error) std::rethrow_exception(error);
  trim_files();
}

Task<bool> MemoryStore::remove(MemoryName name) {
  co_await saved(name);
  if (!info(name)) co_return false;
  Entry& entry = entries_.at(name);
  drop_hot(name, entry);
  const std::filesystem::path file = forget_file(entry);
  forget_if_gone(name);
  const auto unlink = [&] { remove_file(file); };
  if (!file.empty()) co_await with_files(unlink);
  co_return true;
}

void MemoryStore::drop_hot(const MemoryName& name, Entry& entry) {
  hot_.remove(name);
  entry.memory = Memory();
}

void MemoryStore::make_hot(const MemoryName& name, Entry& entry, Memory memory) {
  entry.rows = memory.rows();
  hot_.add(name, memory.bytes());
  entry.memory = std::move(memory);
}

std::filesystem::path MemoryStore::forget_file(Entry& entry) {
  if (!entry.file) return {};
  files_.remove(entry.file->name);
  std::filesystem::path path = std::move(entry.file->path);
  entry.file.reset();
  return path;
}

void MemoryStore::set_file(Entry& entry, StoredMemory file) {
  files_.add(file.name, file.bytes);
  entry.file = std::move(file);
}

void MemoryStore::drop_file(Entry& entry) {
  loop_.post_file_work([file = forget_file(entry)] {
    try {
      remove_file(file);
    } catch (const Error& error) {
      log(LogLevel::warning, error.what());
    }
  });
}

// What leaves RAM without a file gets one, unless the disk is already behind.
void MemoryStore::trim() {
  while (hot_.is_over()) {
    const MemoryName name = hot_.next_to_leave();
    Entry& entry = entries_.at(name);
    if (!entry.file && entry.saving == nullptr && folder_.exists() && spilling_ < kMostSpills) {
      ++spilling_;
      spawn(save(name, entry.memory), [this, name](const std::exception_ptr& error) {
        --spilling_;
        if (error) log(LogLevel::warning, spelled(name) + ": could not be written to disk");
      });
    }
    ++counters_.evictions;
    drop_hot(name, entry);
    forget_if_gone(name);
  }
}

void MemoryStore::trim_files() {
  while (files_.is_over()) {
    const MemoryName name = files_.next_to_leave();
    ++counters_.disk_evictions;
    drop_file(entries_.at(name));
    forget_if_gone(name);
  }
}

void MemoryStore::forget_if_gone(const MemoryName& name) {
  const auto at = entries_.find(name);
  if (at != entries_.end() && !is_there(at->second) && !at->second.loading) entries_.erase(at);
}

MemoryStore::Info MemoryStore::info_of(const MemoryName& name, const Entry& entry) {
  Info info{.id = name.id, .engine = entry.engine, .rows = entry.rows, .uploaded = entry.uploaded};
  if (!entry.memory.empty()) info.ram_bytes = entry.memory.bytes();
  if (entry.file) info.file_bytes = entry.file->bytes;
  info.rows_at_most = entry.rows > 0
                          ? entry.rows
                          : static_cast<int>(info.file_bytes / file_bytes_of_row(*entry.engine));
  return info;
}

bool MemoryStore::is_there(const Entry& entry) {
  return !entry.memory.empty() || entry.file || entry.saving != nullptr;
}

std::optional<MemoryStore::Info> MemoryStore::info(const MemoryName& name) const {
  const auto at = entries_.find(name);
  if (at == entries_.end() || !is_there(at->second)) return {};
  return info_of(name, at->second);
}

std::vector<MemoryStore::Info> MemoryStore::list(const std::string& space, const std::string& after,
                                                 std::size_t most) const {
  std::vector<Info> some;
  for (auto at = entries_.upper_bound({space, after});
       at != entries_.end() && at->first.space == space && some.size() < most; ++at)
    if (is_there(at->second)) some.push_back(info_of(at->first, at->second));
  return some;
}

}  // namespace transept::serve
