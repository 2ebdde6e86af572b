// Moving memories between servers: as files that are sent and brought piece by piece, and how much
// of them one request may make.
#include <algorithm>
#include <cstring>
#include <limits>

#include "io/memory_file.h"
#include "serve/memory_store.h"
#include "serve/off_loop.h"

namespace transept::serve {
namespace {

constexpr std::size_t kPiece = 256 << 10;

// Whatever else the file says about itself.
bool same_rows(const Memory& memory, const MemoryContents& contents) {
  return memory.rows() == contents.rows && memory.width() == contents.width &&
         std::memcmp(memory.hidden().data, contents.hidden.as<float>(), memory.hidden().bytes()) ==
             0;
}

SafetensorsFile parsed(const std::string& bytes, const MemoryName& name) {
  return SafetensorsFile::parse(std::as_bytes(std::span(bytes)), spelled(name));
}

}  // namespace

// What one memory takes of the limit, keys and values as the model keeps them. A whole input of a
// model that has a longest one always fits, and no memory is more than a part of the disk.
int MemoryStore::most_rows(const Engine& engine) const {
  constexpr std::size_t kDiskShare = 16;
  constexpr int kSome = 16;  // rows: a panel of keys
  const StackConfig& decoder = engine.config().decoder;
  const KeyValues keys(decoder.n_heads, decoder.d_head, decoder.keys, kSome);
  const std::size_t of_row =
      file_bytes_of_row(engine) + static_cast<std::size_t>(decoder.layers) * keys.bytes() / kSome;
  std::size_t rows =
      std::max(options_.memory_bytes / of_row,
               static_cast<std::size_t>(std::max(engine.config().encoder.max_positions, 1)));
  if (folder_.exists() && options_.disk_bytes > 0)
    rows = std::min(rows, options_.disk_bytes / kDiskShare / file_bytes_of_row(engine));
  return static_cast<int>(std::min<std::size_t>(rows, std::numeric_limits<int>::max()));
}

void MemoryStore::check_rows(const Engine& engine, std::int64_t rows, const char* what) const {
  const int most = most_rows(engine);
  check(rows <= most, ErrorCode::limit,
        "{} {} rows, this server joins and takes memories of {} at most (--max-memory-mib)", what,
        rows, most);
}

std::optional<StoredMemory> MemoryStore::checked_file(const MemoryName& name) const {
  const auto at = entries_.find(name);
  if (at == entries_.end() || !at->second.file || !at->second.file->is_checked) return {};
  return at->second.file;
}

// Its file, if there is one: it need not be hot. Contents were held to the name when it was read
// first, its bytes are held to their hash again. Without a file the memory is written as one.
Task<std::unique_ptr<MemoryStore::Data>> MemoryStore::data(Scope& scope, MemoryName name) {
  co_await saved(name);
  std::optional<StoredMemory> file = checked_file(name);
  if (!file) {
    const Found found = co_await by_name(scope, name);
    file = checked_file(name);
    if (!file) co_return std::make_unique<Data>(found.memory);
  }
  std::ifstream stream;
  const auto open = [&] {
    if (is_undamaged(*file)) stream.open(file->path, std::ios::binary);
  };
  co_await with_files(open);
  scope.check();
  if (stream.is_open()) co_return std::make_unique<Data>(std::move(stream));
  const Found found = co_await by_name(scope, name);  // in RAM still, or it says what is wrong
  co_return std::make_unique<Data>(found.memory);
}

Task<std::string> MemoryStore::Data::next(Loop& loop, Scope& scope) {
  std::string piece;
  if (!memory_.empty()) {
    piece = co_await off_loop(loop, scope, [&] { return memory_bytes(memory_, at_, kPiece); });
    at_ += piece.size();
    co_return piece;
  }
  const auto read = [&] {
    piece.resize(kPiece);
    file_.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    piece.resize(static_cast<std::size_t>(file_.gcount()));
  };
  co_await on_file_thread(loop, read);
  co_return piece;
}

Task<MemoryStore::Brought> MemoryStore::look_at(Scope& scope, const MemoryName& name,
                                                std::string bytes) {
  Brought brought;
  brought.bytes = std::make_shared<const std::string>(std::move(bytes));
  MemoryShape shape;
  co_await off_loop(loop_, scope, [&] { shape = memory_shape(parsed(*brought.bytes, name)); });
  const auto made_by = engines_.find(shape.fingerprint);
  check(
      made_by != engines_.end(), ErrorCode::mismatch,
      "{}: made by model {}, which this server does not have", [&] { return spelled(name); },
      shape.fingerprint);
  brought.engine = made_by->second;
  brought.rows = shape.rows;
  check_rows(*brought.engine, brought.rows, "the memory has");
  co_return brought;
}

Task<MemoryStore::Info> MemoryStore::upload(Scope& scope, MemoryName name, Brought brought) {
  Engine& engine = *brought.engine;
  MemoryContents contents;
  std::string right;
  co_await off_loop(loop_, scope, [&] {
    contents = read_memory_file(parsed(*brought.bytes, name));
    check_belongs(contents, spelled(name), engine.model());
    check(!contents.ids.empty(), ErrorCode::unsupported,
          "{}: made of no tokens; this server keeps memories of tokens",
          [&] { return spelled(name); });
    right = id_of(maker_of(name.space, engine), contents.ids, contents.segments);
  });
  brought.bytes.reset();
  check(
      name.id == right, ErrorCode::usage, "{}: these contents have the id {}",
      [&] { return spelled(name); }, right);
  Memory memory;
  if (!info(name)) {
    const auto project = [&](Context& c) { memory = make_memory(c, engine.model(), contents); };
    co_await engine.run(scope, project, static_cast<std::int64_t>(contents.ids.size()));
  }
  if (!info(name)) {
    Entry& entry = entries_[name];
    entry.engine = &engine;
    entry.uploaded = true;
    make_hot(name, entry, memory);
  } else {
    const Found mine = co_await by_name(scope, name);
    memory = mine.memory;
    const bool same = co_await off_loop(loop_, scope, [&] { return same_rows(memory, contents); });
    check(same, ErrorCode::mismatch,
          "{}: there is a memory of this id with other contents; DELETE it first",
          [&] { return spelled(name); });
  }
  co_await keep(engine, name, memory);
  trim();
  Info made = info(name).value_or(Info{.id = name.id,
                                       .engine = &engine,
                                       .rows = memory.rows(),
                                       .ram_bytes = memory.bytes(),
                                       .uploaded = true});
  co_return made;
}

}  // namespace transept::serve
