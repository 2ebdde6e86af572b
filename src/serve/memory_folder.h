// The memory store's files: names, reading with a check, writing as a whole. Blocking; for the
// thread for files (lock_folder and scan_folder: at start).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "io/memory_file.h"

namespace transept::serve {

struct MemoryFileName {
  std::string id;
  std::string hash;  // of the file's bytes
  bool uploaded = false;
  std::filesystem::path path;
  std::size_t bytes = 0;
};

// Makes the folder and locks it for this process. -1 for an empty path. Error io if another server
// has it.
[[nodiscard]] int lock_folder(const std::filesystem::path& folder);
void unlock_folder(int lock);

// Oldest first. Temporary files that a killed server left are removed; of two files with one id the
// younger stays.
[[nodiscard]] std::vector<MemoryFileName> scan_folder(const std::filesystem::path& folder);

// False if the file is gone or its bytes are not those that were written.
[[nodiscard]] bool read_memory(const std::filesystem::path& file, MemoryContents& contents);
[[nodiscard]] MemoryFileName write_memory(const std::filesystem::path& folder,
                                          const std::string& id, std::string_view bytes,
                                          bool uploaded);
void remove_file(const std::filesystem::path& file);  // durably; fine if it is not there

}  // namespace transept::serve
