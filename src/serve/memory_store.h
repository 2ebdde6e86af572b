// Memories by content: what was read once is not encoded again. An id is the hash of all that a
// memory depends on – namespace, model, tokenizer, numerics, source ids – so equal inputs of one
// key have one id, on every server and after every restart. Each namespace is a store of its own:
// every look-up is within one.
//
// Hot ones keep keys and values in RAM. The rest are plain memory files (memory_folder.h), hidden
// states only; their bytes and their contents are held to their name when one is opened. RAM and
// disk have a limit each (memory_budget.h). Belongs to the I/O thread.
#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "serve/engine.h"
#include "serve/memory_budget.h"
#include "serve/memory_folder.h"
#include "serve/memory_name.h"
#include "serve/options.h"
#include "serve/turns.h"

namespace transept::serve {

struct StoreCounters {
  std::int64_t hits = 0;       // asked for and hot
  std::int64_t disk_hits = 0;  // read from a file
  std::int64_t misses = 0;     // encoded, or unknown
  std::int64_t evictions = 0;  // from RAM
  std::int64_t disk_evictions = 0;
  std::int64_t damaged = 0;  // files that are not what their name says
};

[[nodiscard]] inline MemoryMaker maker_of(const std::string& space, const Engine& engine) {
  return {.space = space, .model = engine.fingerprint(), .tokenizer_hash = engine.tokenizer_hash()};
}

// Of a row on disk: its hidden state and its id.
[[nodiscard]] inline std::size_t file_bytes_of_row(const Engine& engine) {
  return sizeof(float) * static_cast<std::size_t>(engine.config().encoder.d_model) + sizeof(Token);
}

class MemoryStore {
 public:
  struct Info {
    std::string id;
    const Engine* engine = nullptr;
    int rows = 0;                // 0: its file was not read yet
    int rows_at_most = 0;        // what admission counts
    std::size_t ram_bytes = 0;   // 0: not hot
    std::size_t file_bytes = 0;  // 0: no file
    bool uploaded = false;       // brought by a client, not encoded here
  };
  struct Found {
    std::string id;
    Memory memory;
    bool encoded = false;  // by this very call
    double seconds = 0;    // of encoding or loading, as waited for

    // What answers say. A decoder on its own has no memory, and neither.
    [[nodiscard]] int encoder_runs() const { return encoded ? 1 : 0; }
    [[nodiscard]] int cached_tokens() const {
      return encoded || memory.empty() ? 0 : memory.rows();
    }
  };

  // Locks the folder. Error io if another server has it or it cannot be written.
  MemoryStore(Loop& loop, const StoreOptions& options);
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  // Takes up the files of an engine's model.
  void attach(Engine& engine);

  // The memory of an input: hot, from its file, or encoded now. An uploaded one is not taken for
  // it.
  Task<Found> of_input(Scope& scope, std::string space, Engine& engine, std::vector<Token> source);
  // Error not_found if there is none of this name.
  Task<Found> by_name(Scope& scope, MemoryName name);
  // Adds a memory made elsewhere (joined ones).
  Info add(const std::string& space, Engine& engine, Memory memory);
  // Returns when the file is on disk. Error io.
  Task<void> keep(Engine& engine, MemoryName name, Memory memory);
  Task<bool> remove(MemoryName name);

  // A memory's file, piece by piece: at most one piece is in RAM.
  class Data;
  Task<std::unique_ptr<Data>> data(Scope& scope, MemoryName name);

  // A file that a client brought, looked at no further than its header.
  struct Brought {
    std::shared_ptr<const std::string> bytes;
    Engine* engine = nullptr;
    int rows = 0;
  };
  // Error bad_data, or mismatch if no model here made it.
  Task<Brought> look_at(Scope& scope, const MemoryName& name, std::string bytes);
  // Error bad_data, mismatch, or usage if the contents do not belong to the name.
  Task<Info> upload(Scope& scope, MemoryName name, Brought brought);

  [[nodiscard]] std::optional<Info> info(const MemoryName& name) const;
  // At most so many of a namespace, by id, those after `after`.
  [[nodiscard]] std::vector<Info> list(const std::string& space, const std::string& after,
                                       std::size_t most) const;
  // Rows of one memory that is joined or uploaded, at most. Error limit for more: "WHAT N rows".
  [[nodiscard]] int most_rows(const Engine& engine) const;
  void check_rows(const Engine& engine, std::int64_t rows, const char* what) const;

  // For making one by joining or uploading: few at a time, each may be as large as one may be.
  [[nodiscard]] Turns& making() { return making_; }
  [[nodiscard]] const StoreCounters& counters() const { return counters_; }
  [[nodiscard]] const MemoryBudget& ram() const { return hot_; }
  [[nodiscard]] const MemoryBudget& disk() const { return files_; }

 private:
  struct Loading;
  struct Entry {
    Engine* engine = nullptr;
    int rows = 0;
    Memory memory;  // empty: not hot
    std::optional<StoredMemory> file;
    bool uploaded = false;
    std::shared_ptr<Signal> saving;    // while its file is being written
    std::shared_ptr<Loading> loading;  // while it is being encoded or read
  };

  [[nodiscard]] std::optional<StoredMemory> checked_file(const MemoryName& name) const;
  [[nodiscard]] static bool is_there(const Entry& entry);  // in RAM, on disk, or between the two
  Task<void> with_files(std::function<void()> f);          // on the thread for them
  Task<void> saved(MemoryName name);  // when no file of it is being written any more
  void make_hot(const MemoryName& name, Entry& entry, Memory memory);
  void drop_hot(const MemoryName& name, Entry& entry);
  void set_file(Entry& entry, StoredMemory file);
  void drop_file(Entry& entry);  // from the disk too
  // The entry has no file any more; the file is where it was.
  std::filesystem::path forget_file(Entry& entry);
  void trim();
  void trim_files();
  void forget_if_gone(const MemoryName& name);
  Task<Found> load(Scope& scope, MemoryName name, Engine& engine, std::vector<Token> source);
  Task<void> load_now(std::shared_ptr<Loading> loading, MemoryName name, std::vector<Token> source);
  Task<Memory> read_file_of(Scope& scope, MemoryName name);
  Task<void> save(MemoryName name, Memory memory);
  [[nodiscard]] static Info info_of(const MemoryName& name, const Entry& entry);

  Loop& loop_;
  StoreOptions options_;
  MemoryFolder folder_;                     // on the thread for files
  std::map<std::string, Engine*> engines_;  // by fingerprint
  std::map<MemoryName, Entry> entries_;
  MemoryBudget hot_;
  MemoryBudget files_;
  StoreCounters counters_;
  int spilling_ = 0;
  Turns making_{2};
};

// `next` until it is empty.
class MemoryStore::Data {
 public:
  explicit Data(Memory memory) : memory_(std::move(memory)) {}
  explicit Data(std::ifstream file) : file_(std::move(file)) {}
  Task<std::string> next(Loop& loop, Scope& scope);

 private:
  Memory memory_;  // empty: of a file
  std::ifstream file_;
  std::size_t at_ = 0;
};

}  // namespace transept::serve
