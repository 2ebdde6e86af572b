// Files: read-only mappings, whole reads, and writes that are either complete or not there at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace transept {

// A file that is part of the program. Everything here that reads finds it under its path, which
// need not be a place on disk.
struct EmbeddedFile {
  std::string_view folder;
  std::string_view name;
  std::span<const std::byte> bytes;  // aligned to 64 bytes
};
void add_embedded_files(std::span<const EmbeddedFile> files);  // which must stay

// A file mapped read-only. Only the pages that are touched are read.
class MappedFile {
 public:
  MappedFile() = default;
  explicit MappedFile(const std::filesystem::path& path);  // Error not_found / io
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_, size_}; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // Lets go of the whole pages within `part`; they are read again when they are touched.
  void release(std::span<const std::byte> part) const;

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  bool embedded_ = false;
  std::filesystem::path path_;
};

// Is there a file, or a folder, on disk or embedded? And the regular files of a folder, sorted.
[[nodiscard]] bool file_exists(const std::filesystem::path& path);
[[nodiscard]] bool folder_exists(const std::filesystem::path& path);
[[nodiscard]] std::vector<std::filesystem::path> files_of(const std::filesystem::path& folder);

// The whole file as a string. Error not_found if it is not there, io if it cannot be read.
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

// Where the bytes of a file that is being written go.
class FileSink {
 public:
  explicit FileSink(int descriptor, std::filesystem::path path)
      : descriptor_(descriptor), path_(std::move(path)) {}
  void write(const void* data, size_t size_bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }

 private:
  int descriptor_;
  std::filesystem::path path_;
};

// Writes through `write`, which is handed a sink, to a temporary file beside `path`, syncs it,
// renames it over `path` and syncs the folder: a reader sees the old file or the new one, never a
// part. On any failure `path` is untouched, the temporary file is removed and an Error io says what
// went wrong. A link stays: what it points to is replaced. A device or a pipe is written as it is.
// `permissions`, less the umask, are those of the new file.
void write_file_atomic(const std::filesystem::path& path,
                       const std::function<void(FileSink&)>& write, unsigned permissions = 0666);
void write_file_atomic(const std::filesystem::path& path, std::string_view contents,
                       unsigned permissions = 0666);

// A temporary file is called as its target, ".tmp-" and 16 random hexadecimal digits. The target of
// such a name; empty for any other.
[[nodiscard]] std::string_view target_of_temporary(std::string_view name);

// Removes the temporary files that killed programs left in `folder`, of the targets that `is_own`
// knows: for whoever has the folder locked. Nothing else, and links are not followed.
void remove_temporaries(const std::filesystem::path& folder,
                        const std::function<bool(std::string_view target)>& is_own);

}  // namespace transept
