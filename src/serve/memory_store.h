// Memories by content: what was read once is not encoded again. An id is the hash of all that a
// memory depends on – model, tokenizer, numerics, source ids – so equal inputs have one id, on
// every machine and after every restart.
//
// Hot ones keep keys and values in RAM. The rest are plain memory files (io/memory_file.h), hidden
// states only, named FOLDER/FINGERPRINT/ID.HASH.memory after a hash of the file's bytes, which is
// checked when one is opened. A file is written as a whole or not at all. Least recently used
// leaves first; RAM and disk have a limit each. Belongs to the I/O thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "serve/engine.h"
#include "serve/options.h"

namespace transept::serve {

// Raised whenever the same ids would give other bits than before.
inline constexpr int kNumericsVersion = 1;

// Least recently used first.
class Recent {
 public:
  void touch(const std::string& id);
  void erase(const std::string& id);
  [[nodiscard]] bool empty() const { return by_age_.empty(); }
  [[nodiscard]] const std::string& oldest() const { return by_age_.begin()->second; }

 private:
  std::uint64_t clock_ = 0;
  std::map<std::string, std::uint64_t> ages_;
  std::map<std::uint64_t, std::string> by_age_;
};

struct StoreCounters {
  std::int64_t hits = 0;       // asked for and hot
  std::int64_t disk_hits = 0;  // read from a file
  std::int64_t misses = 0;     // encoded, or unknown
  std::int64_t evictions = 0;  // from RAM
  std::int64_t disk_evictions = 0;
  std::int64_t damaged = 0;  // files whose hash was wrong
  std::size_t ram_bytes = 0;
  std::size_t disk_bytes = 0;
  std::size_t hot = 0;
  std::size_t files = 0;
};

class MemoryStore {
 public:
  struct Info {
    std::string id;
    const Engine* engine = nullptr;
    int rows = 0;
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
  ~MemoryStore();
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  // Takes up the files of an engine's model.
  void attach(Engine& engine);

  // Who made a memory: what its id depends on beside the source.
  struct Maker {
    std::string_view model;  // its fingerprint
    std::string_view tokenizer_hash;
    int numerics = kNumericsVersion;
  };
  [[nodiscard]] static std::string id_of(const Maker& maker, std::span<const Token> source,
                                         std::span<const Memory::Segment> segments);
  [[nodiscard]] static std::string id_of(const Engine& engine, std::span<const Token> source,
                                         std::span<const Memory::Segment> segments);

  // The memory of an input: hot, from its file, or encoded now. An uploaded one is not taken for
  // it.
  Task<Found> of_input(Scope& scope, Engine& engine, std::vector<Token> source);
  // Error not_found if there is none of this id.
  Task<Found> by_id(Scope& scope, std::string id);
  // Adds a memory made elsewhere (joined ones).
  Info add(Engine& engine, Memory memory);
  // Returns when the file is on disk. Error io.
  Task<void> keep(Engine& engine, std::string id, Memory memory);
  Task<bool> remove(std::string id);
  Task<std::string> data(Scope& scope, std::string id);
  // Error bad_data, mismatch, or usage if the contents do not belong to the id.
  Task<Info> upload(Scope& scope, std::string id, std::string bytes);

  [[nodiscard]] std::optional<Info> info(const std::string& id) const;
  [[nodiscard]] std::vector<Info> list() const;  // most recently used last
  [[nodiscard]] const StoreCounters& counters() const { return counters_; }

 private:
  struct Loading;
  struct Entry {
    Engine* engine = nullptr;
    int rows = 0;
    Memory memory;  // empty: not hot
    std::filesystem::path file;
    std::size_t file_bytes = 0;
    bool uploaded = false;
    std::shared_ptr<Signal> saving;    // while its file is being written
    std::shared_ptr<Loading> loading;  // while it is being encoded or read
  };

  [[nodiscard]] static bool is_there(const Entry& entry);  // in RAM, on disk, or between the two
  Task<void> saved(std::string id);  // when no file of it is being written any more
  void make_hot(const std::string& id, Entry& entry, Memory memory);
  void drop_hot(const std::string& id, Entry& entry);
  void set_file(const std::string& id, Entry& entry, std::filesystem::path file, std::size_t bytes);
  void drop_file(const std::string& id, Entry& entry);  // from the disk too
  // The entry has no file any more; the file is where it was.
  std::filesystem::path forget_file(const std::string& id, Entry& entry);
  void trim();
  void trim_files();
  void forget_if_gone(const std::string& id);
  Task<Memory> load(Scope& scope, std::string id, Engine& engine, std::vector<Token> source);
  Task<void> load_now(std::shared_ptr<Loading> loading, std::string id, std::vector<Token> source);
  Task<Memory> read_file_of(Scope& scope, std::string id);
  Task<void> save(std::string id, Memory memory);
  [[nodiscard]] Info info_of(const std::string& id, const Entry& entry) const;

  Loop& loop_;
  StoreOptions options_;
  int lock_ = -1;
  std::map<std::string, Engine*> engines_;  // by fingerprint
  std::map<std::string, Entry> entries_;
  Recent hot_;
  Recent files_;
  StoreCounters counters_;
  int spilling_ = 0;
};

}  // namespace transept::serve
