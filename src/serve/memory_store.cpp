#include "serve/memory_store.h"

#include <utility>

#include "base/log.h"
#include "io/memory_file.h"
#include "model/encoder.h"
#include "serve/memory_folder.h"

namespace transept::serve {
namespace {

constexpr int kMostSpills = 8;  // evicted memories on their way to disk; more are dropped

}  // namespace

void Recent::touch(const std::string& id) {
  erase(id);
  ages_[id] = ++clock_;
  by_age_[clock_] = id;
}

void Recent::erase(const std::string& id) {
  const auto found = ages_.find(id);
  if (found == ages_.end()) return;
  by_age_.erase(found->second);
  ages_.erase(found);
}

// An encoding or reading that any number of requests wait for. It ends early when none does.
struct MemoryStore::Loading {
  Scope scope;
  Signal done;
  int waiting = 0;
  Memory memory;
  std::exception_ptr error;
};

MemoryStore::MemoryStore(Loop& loop, const StoreOptions& options)
    : loop_(loop), options_(options), lock_(lock_folder(options.folder)) {}

MemoryStore::~MemoryStore() {
  unlock_folder(lock_);
}

void MemoryStore::attach(Engine& engine) {
  if (!engines_.emplace(engine.fingerprint(), &engine).second) return;
  if (options_.folder.empty()) return;
  for (MemoryFileName& file : scan_folder(options_.folder / engine.fingerprint())) {
    Entry& entry = entries_[file.id];
    entry.engine = &engine;
    entry.uploaded = file.uploaded;
    set_file(file.id, entry, std::move(file.path), file.bytes);
  }
  trim_files();
}

Task<MemoryStore::Found> MemoryStore::of_input(Scope& scope, Engine& engine,
                                               std::vector<Token> source) {
  check_source(engine.config(), source);
  const Memory::Segment whole{0, static_cast<int>(source.size())};
  Found found;
  found.id = id_of(engine, source, std::span(&whole, 1));
  const double begin = now_seconds();
  const auto at = entries_.find(found.id);
  if (at != entries_.end() && !at->second.uploaded && !at->second.memory.empty()) {
    ++counters_.hits;
    hot_.touch(found.id);
    found.memory = at->second.memory;
    co_return found;
  }
  co_await saved(found.id);  // one on its way from RAM to disk is there
  const auto left = entries_.find(found.id);
  // The one that starts the loading is the one that pays for it.
  const bool reads =
      left != entries_.end() &&
      (left->second.loading != nullptr || (!left->second.file.empty() && !left->second.uploaded));
  found.memory = co_await load(scope, found.id, engine, std::move(source));
  found.encoded = !reads;
  found.seconds = now_seconds() - begin;
  co_return found;
}

Task<MemoryStore::Found> MemoryStore::by_id(Scope& scope, std::string id) {
  const auto is_hot = [&] { return entries_.contains(id) && !entries_.at(id).memory.empty(); };
  if (!is_hot()) co_await saved(id);  // one on its way from RAM to disk is there
  const auto at = entries_.find(id);
  if (at == entries_.end()) {
    ++counters_.misses;
    fail(ErrorCode::not_found, "memory {}: there is none of this id; POST /v1/memories makes one",
         id.substr(0, 64));
  }
  Found found;
  found.id = id;
  if (!at->second.memory.empty()) {
    ++counters_.hits;
    hot_.touch(id);
    found.memory = at->second.memory;
    co_return found;
  }
  const double begin = now_seconds();
  Engine& engine = *at->second.engine;
  found.memory = co_await load(scope, std::move(id), engine, {});
  found.seconds = now_seconds() - begin;
  co_return found;
}

// From its file, or by encoding the source; many requests for one id share the work.
Task<Memory> MemoryStore::load(Scope& scope, std::string id, Engine& engine,
                               std::vector<Token> source) {
  // One that everybody has left is on its way out: not worth waiting in.
  while (entries_.contains(id) && entries_.at(id).loading != nullptr &&
         entries_.at(id).loading->scope.ended() != Ended::no) {
    const std::shared_ptr<Loading> abandoned = entries_.at(id).loading;
    co_await scope.wait(abandoned->done);
  }
  Entry& entry = entries_[id];
  entry.engine = &engine;
  std::shared_ptr<Loading> loading = entry.loading;
  if (loading == nullptr) {
    loading = std::make_shared<Loading>();
    loading->scope.owner = scope.owner;
    entry.loading = loading;
    spawn(load_now(loading, id, std::move(source)), {});
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
  co_return loading->memory;
}

Task<void> MemoryStore::load_now(std::shared_ptr<Loading> loading, std::string id,
                                 std::vector<Token> source) {
  try {
    Engine& engine = *entries_.at(id).engine;
    const bool readable =
        !entries_.at(id).file.empty() && (!entries_.at(id).uploaded || source.empty());
    if (readable) loading->memory = co_await read_file_of(loading->scope, id);
    if (loading->memory.empty()) {
      ++counters_.misses;
      check(!source.empty(), ErrorCode::not_found,
            "memory {}: its file was damaged or has been removed; encode the input again", id);
      loading->memory = co_await engine.encode(loading->scope, std::move(source));
      Entry& entry = entries_[id];
      if (entry.uploaded && !entry.file.empty()) drop_file(id, entry);
      entry.uploaded = false;
    }
    make_hot(id, entries_[id], loading->memory);
  } catch (...) {
    loading->error = std::current_exception();
  }
  if (const auto at = entries_.find(id); at != entries_.end()) at->second.loading = nullptr;
  forget_if_gone(id);
  loading->done.notify();
  trim();
}

// Empty if the file is not what it was: it is removed then.
Task<Memory> MemoryStore::read_file_of(Scope& scope, std::string id) {
  const std::filesystem::path file = entries_.at(id).file;
  Engine& engine = *entries_.at(id).engine;
  MemoryContents contents;
  bool good = false;
  const auto read = [&] {
    good = read_memory(file, contents);
    if (good) check_belongs(contents, file.string(), engine.model());
  };
  co_await on_file_thread(loop_, read);
  Memory memory;
  if (good) {
    const auto project = [&](Context& c) { memory = make_memory(c, engine.model(), contents); };
    co_await engine.run(scope, project, static_cast<std::int64_t>(contents.ids.size()));
    ++counters_.disk_hits;
    files_.touch(id);
    co_return memory;
  }
  ++counters_.damaged;
  if (const auto at = entries_.find(id); at != entries_.end()) drop_file(id, at->second);
  co_return memory;
}

MemoryStore::Info MemoryStore::add(Engine& engine, Memory memory) {
  const std::string id = id_of(engine, memory.ids(), memory.segments());
  Entry& entry = entries_[id];
  entry.engine = &engine;
  entry.uploaded = false;
  if (entry.memory.empty()) make_hot(id, entry, std::move(memory));
  Info made = info_of(id, entry);
  trim();
  return made;
}

Task<void> MemoryStore::saved(std::string id) {
  while (entries_.contains(id) && entries_.at(id).saving != nullptr) {
    const std::shared_ptr<Signal> saving = entries_.at(id).saving;
    co_await saving->wait();
  }
}

Task<void> MemoryStore::keep(Engine& engine, std::string id, Memory memory) {
  if (options_.folder.empty()) co_return;
  co_await saved(id);
  Entry& entry = entries_[id];
  if (!entry.file.empty()) co_return;
  entry.engine = &engine;
  entry.rows = memory.rows();
  co_await save(id, std::move(memory));
}

Task<void> MemoryStore::save(std::string id, Memory memory) {
  Entry& entry = entries_.at(id);
  const auto saving = std::make_shared<Signal>();
  entry.saving = saving;
  const std::filesystem::path folder = options_.folder / entry.engine->fingerprint();
  const bool uploaded = entry.uploaded;
  MemoryFileName file;
  std::exception_ptr error;
  const auto write = [&] { file = write_memory(folder, id, memory_bytes(memory), uploaded); };
  try {
    co_await on_file_thread(loop_, write);
  } catch (...) {
    error = std::current_exception();
  }
  if (const auto at = entries_.find(id); at != entries_.end()) {
    at->second.saving = nullptr;
    if (!error) set_file(id, at->second, file.path, file.bytes);
  }
  saving->notify();
  forget_if_gone(id);
  if (error) std::rethrow_exception(error);
  trim_files();
}

Task<bool> MemoryStore::remove(std::string id) {
  co_await saved(id);
  if (!info(id)) co_return false;
  Entry& entry = entries_.at(id);
  drop_hot(id, entry);
  const std::filesystem::path file = forget_file(id, entry);
  forget_if_gone(id);
  const auto unlink = [&] { remove_file(file); };
  if (!file.empty()) co_await on_file_thread(loop_, unlink);
  co_return true;
}

void MemoryStore::drop_hot(const std::string& id, Entry& entry) {
  if (entry.memory.empty()) return;
  counters_.ram_bytes -= entry.memory.bytes();
  --counters_.hot;
  hot_.erase(id);
  entry.memory = Memory();
}

std::filesystem::path MemoryStore::forget_file(const std::string& id, Entry& entry) {
  if (entry.file.empty()) return {};
  counters_.disk_bytes -= entry.file_bytes;
  --counters_.files;
  files_.erase(id);
  entry.file_bytes = 0;
  return std::exchange(entry.file, {});
}

void MemoryStore::make_hot(const std::string& id, Entry& entry, Memory memory) {
  drop_hot(id, entry);
  entry.rows = memory.rows();
  counters_.ram_bytes += memory.bytes();
  ++counters_.hot;
  entry.memory = std::move(memory);
  hot_.touch(id);
}

void MemoryStore::set_file(const std::string& id, Entry& entry, std::filesystem::path file,
                           std::size_t bytes) {
  (void)forget_file(id, entry);
  entry.file = std::move(file);
  entry.file_bytes = bytes;
  counters_.disk_bytes += bytes;
  ++counters_.files;
  files_.touch(id);
}

void MemoryStore::drop_file(const std::string& id, Entry& entry) {
  loop_.post_file_work([file = forget_file(id, entry)] {
    try {
      remove_file(file);
    } catch (const Error& error) {
      log(LogLevel::warning, error.what());
    }
  });
}

// What leaves RAM without a file gets one, unless the disk is already behind.
void MemoryStore::trim() {
  while (counters_.ram_bytes > options_.ram_bytes && !hot_.empty()) {
    const std::string id = hot_.oldest();
    Entry& entry = entries_.at(id);
    if (entry.file.empty() && entry.saving == nullptr && !options_.folder.empty() &&
        spilling_ < kMostSpills) {
      ++spilling_;
      spawn(save(id, entry.memory), [this, id](const std::exception_ptr& error) {
        --spilling_;
        if (error) log(LogLevel::warning, "memory " + id + ": could not be written to disk");
      });
    }
    ++counters_.evictions;
    drop_hot(id, entry);
    forget_if_gone(id);
  }
}

void MemoryStore::trim_files() {
  while (counters_.disk_bytes > options_.disk_bytes && !files_.empty()) {
    const std::string id = files_.oldest();
    ++counters_.disk_evictions;
    drop_file(id, entries_.at(id));
    forget_if_gone(id);
  }
}

void MemoryStore::forget_if_gone(const std::string& id) {
  const auto at = entries_.find(id);
  if (at == entries_.end()) return;
  const Entry& entry = at->second;
  if (entry.memory.empty() && entry.file.empty() && !entry.saving && !entry.loading)
    entries_.erase(at);
}

MemoryStore::Info MemoryStore::info_of(const std::string& id, const Entry& entry) const {
  return {id,
          entry.engine,
          entry.rows,
          entry.memory.empty() ? 0 : entry.memory.bytes(),
          entry.file_bytes,
          entry.uploaded};
}

bool MemoryStore::is_there(const Entry& entry) {
  return !entry.memory.empty() || !entry.file.empty() || entry.saving != nullptr;
}

std::optional<MemoryStore::Info> MemoryStore::info(const std::string& id) const {
  const auto at = entries_.find(id);
  if (at == entries_.end() || !is_there(at->second)) return {};
  return info_of(id, at->second);
}

std::vector<MemoryStore::Info> MemoryStore::list() const {
  std::vector<Info> all;
  for (const auto& [id, entry] : entries_)
    if (is_there(entry)) all.push_back(info_of(id, entry));
  return all;
}

}  // namespace transept::serve
