#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>

#include "base/descriptor.h"
#include "base/error.h"

namespace transept {
namespace {

size_t size_of(int fd, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) fail_errno(errno, "read", path);
  check(S_ISREG(status.st_mode), ErrorCode::bad_data, "{}: not a regular file", path.string());
  return static_cast<size_t>(status.st_size);
}

// Added before anything is read, in practice once.
struct Embedded {
  std::mutex mutex;
  std::vector<EmbeddedFile> files;
};

Embedded& embedded() {
  static Embedded all;
  return all;
}

std::optional<EmbeddedFile> find_embedded(const std::filesystem::path& path) {
  const std::lock_guard lock(embedded().mutex);
  for (const EmbeddedFile& file : embedded().files) {
    if (path == std::filesystem::path(file.folder) / file.name) return file;
  }
  return std::nullopt;
}

std::vector<std::filesystem::path> embedded_in(const std::filesystem::path& folder) {
  const std::lock_guard lock(embedded().mutex);
  std::vector<std::filesystem::path> found;
  for (const EmbeddedFile& file : embedded().files) {
    if (folder == file.folder) found.push_back(folder / file.name);
  }
  return found;
}

}  // namespace

void add_embedded_files(std::span<const EmbeddedFile> files) {
  const std::lock_guard lock(embedded().mutex);
  embedded().files.insert(embedded().files.end(), files.begin(), files.end());
}

bool file_exists(const std::filesystem::path& path) {
  std::error_code none;  // a name that is too long, or not ours to see, is none
  return find_embedded(path) || std::filesystem::is_regular_file(path, none);
}

bool folder_exists(const std::filesystem::path& path) {
  std::error_code none;
  return !embedded_in(path).empty() || std::filesystem::is_directory(path, none);
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files = embedded_in(folder);
  if (files.empty()) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
    check(!error, ErrorCode::io, "{}: cannot list: {}", folder.string(), error.message());
  }
  std::ranges::sort(files);
  return files;
}

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  if (const auto file = find_embedded(path)) {
    data_ = file->bytes.data();
    size_ = file->bytes.size();
    embedded_ = true;
    return;
  }
  const Descriptor file(path, O_RDONLY, "open");
  const size_t size = size_of(file.get(), path);
  if (size == 0) return;
  void* mapping = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (mapping == MAP_FAILED) fail_errno(errno, "map", path);
  data_ = static_cast<const std::byte*>(mapping);
  size_ = size;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      embedded_(other.embedded_),
      path_(std::move(other.path_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(embedded_, other.embedded_);
  std::swap(path_, other.path_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr && !embedded_) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::release(std::span<const std::byte> part) const {
  if (data_ == nullptr || embedded_ || part.empty()) return;
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const auto offset = static_cast<size_t>(part.data() - data_);
  dcheck(offset + part.size() <= size_);
  const size_t begin = (offset + page - 1) / page * page;
  const size_t end = (offset + part.size()) / page * page;
  // Advice: if it is not taken, only memory is lost.
  if (begin < end)
    (void)::madvise(const_cast<std::byte*>(data_) + begin, end - begin, MADV_DONTNEED);
}

std::string read_file(const std::filesystem::path& path) {
  if (const auto file = find_embedded(path)) {
    return {reinterpret_cast<const char*>(file->bytes.data()), file->bytes.size()};
  }
  const Descriptor file(path, O_RDONLY, "open");
  std::string contents(size_of(file.get(), path), '\0');
  size_t done = 0;
  while (done < contents.size()) {
    const ssize_t n = ::read(file.get(), contents.data() + done, contents.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_errno(errno, "read", path);
    check(n > 0, ErrorCode::io, "{}: cannot read: the file became shorter while it was read",
          path.string());
    done += static_cast<size_t>(n);
  }
  return contents;
}

}  // namespace transept
