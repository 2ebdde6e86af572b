// Files: reads whole or in pieces, and writes that are either complete or not there at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "transept/error.h"

namespace transept {

// A file that is part of the program. Everything here that reads finds it under its path, which
// need not be a place on disk.
struct EmbeddedFile {
  std::string_view folder;
  std::string_view name;
  std::span<const std::byte> bytes;  // aligned to 64 bytes
};
void add_embedded_files(std::span<const EmbeddedFile> files);  // which must stay

// A file that is read piece by piece: a regular one on disk, or an embedded one. Nothing of it is
// mapped, so what happens to it later is no concern of who has read it (docs/adr/0024). What was
// read is of one state of the file if check_unchanged() does not throw afterwards.
class InputFile {
 public:
  // Error not_found, io, or bad_data for what is no regular file: a pipe, a device, a socket, a
  // folder. Opening these waits for nothing.
  explicit InputFile(std::filesystem::path path);
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  ~InputFile();

  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // The bytes from `offset` on, which must lie inside the file. Error io.
  void read(size_t offset, std::span<std::byte> out) const;
  // Error io if somebody wrote into the file since it was opened.
  void check_unchanged() const;
  // Whether the path still leads to this file, not to one that has taken its place.
  [[nodiscard]] bool is_in_place() const;

 private:
  struct OnDisk;
  std::filesystem::path path_;
  std::span<const std::byte> embedded_;
  std::unique_ptr<OnDisk> on_disk_;  // null: embedded
  size_t size_ = 0;
};

// What `read` makes of a file, or of several, that check_unchanged() knows: made of one state of
// it, or an Error io. A file that is being written is not called damaged.
template <class Files, class Read>
auto read_unchanged(const Files& files, Read&& read) {
  try {
    auto result = read();
    files.check_unchanged();
    return result;
  } catch (const Error&) {
    files.check_unchanged();
    throw;
  }
}

// Is there anything of this name, embedded or on disk, be it what cannot be read? Opening it says
// what is wrong with it. And the same for a folder.
[[nodiscard]] bool file_exists(const std::filesystem::path& path);
[[nodiscard]] bool folder_exists(const std::filesystem::path& path);
// All that a folder holds but folders, sorted.
[[nodiscard]] std::vector<std::filesystem::path> files_of(const std::filesystem::path& folder);

// The largest of each kind that is read whole into memory.
constexpr size_t kMostSettingsBytes = size_t{64} << 20;   // configurations, indexes, keys
constexpr size_t kMostVocabularyBytes = size_t{1} << 30;  // tokenizers, vocabularies, shortlists
constexpr size_t kMostFileBytes = size_t{4} << 30;        // any other
constexpr size_t kMostTextBytes = size_t{16} << 30;       // texts of a user, all lines together
constexpr size_t kMostLineBytes = size_t{64} << 20;       // one line of them

// The whole of a regular file. Errors as those of InputFile, and limit.
[[nodiscard]] std::string read_file(const std::filesystem::path& path,
                                    size_t most_bytes = kMostFileBytes);

// A user's text, which may come from a pipe or a device too. Calls f(line, number) for every line,
// without its newline; a last line without one counts. Only one line is held at a time. Error
// not_found, io or limit.
void each_line(const std::filesystem::path& path,
               const std::function<void(std::string_view line, size_t number)>& f);

// The same, whole and as it is.
[[nodiscard]] std::string read_text(const std::filesystem::path& path, size_t most_bytes);

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
