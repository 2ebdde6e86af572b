// The memory store's folder: names, reading with a check, writing as a whole, a lock. Private:
// files are 0600 in folders 0700. Blocking: at start, and then on the thread for files alone. What
// it throws names paths and is for the log; errors.cpp keeps it from clients.
//
//   FOLDER/FINGERPRINT/ID.HASH.memory              those without a namespace of their own (kShared)
//   FOLDER/FINGERPRINT/NAMESPACE/ID.HASH.memory    a key's
//
// HASH is that of the file's bytes; "ID.HASH.uploaded.memory" was brought by a client. 64 digits of
// SHA-256, or 32 of XXH3 in what servers before namespaces have left.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/folder_lock.h"
#include "io/memory_file.h"
#include "serve/memory_name.h"

namespace transept::serve {

struct StoredMemory {
  MemoryName name;
  std::string hash;  // of the file's bytes
  bool uploaded = false;
  std::filesystem::path path;
  std::size_t bytes = 0;
  bool is_checked = false;  // its contents have been held to the name
};

class MemoryFolder {
 public:
  // Makes the folder and locks it for this process; nothing for an empty path. Error io if another
  // server has it or it cannot be written.
  explicit MemoryFolder(std::filesystem::path path);

  [[nodiscard]] bool exists() const { return !path_.empty(); }

  // What there is of a model, oldest first. Temporary files that a killed server left are removed;
  // of two files with one name the younger stays, if it `is_right`. What is no file is said in the
  // log and left alone.
  using IsRight = std::function<bool(const StoredMemory&)>;
  [[nodiscard]] std::vector<StoredMemory> scan(const std::string& fingerprint,
                                               const IsRight& is_right) const;

  // Makes again what of the folder was deleted meanwhile.
  [[nodiscard]] StoredMemory write(const std::string& fingerprint, const MemoryName& name,
                                   std::string_view bytes, bool uploaded);

 private:
  void take();

  std::filesystem::path path_;
  FolderLock lock_;
  std::pair<std::uint64_t, std::uint64_t> locked_{};  // the folder that is locked: device, inode
};

// Nothing if the file is gone or its bytes are not those that were written.
[[nodiscard]] std::optional<MemoryContents> read_memory(const StoredMemory& memory);
// Are the file's bytes those that were written? Reads it in pieces.
[[nodiscard]] bool is_undamaged(const StoredMemory& memory);
[[nodiscard]] bool is_file(const std::filesystem::path& path);  // and no link to one
void remove_file(const std::filesystem::path& file);            // durably; fine if it is not there

}  // namespace transept::serve
