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

#include "base/error.h"

namespace transept {
namespace {

[[noreturn]] void fail_errno(int error, const char* what, const std::filesystem::path& path) {
  const ErrorCode code = error == ENOENT || error == ENOTDIR ? ErrorCode::not_found : ErrorCode::io;
  fail(code, "{}: cannot {}: {}", path.string(), what, std::strerror(error));
}

class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags, mode_t mode, const char* what)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {
    if (fd_ < 0) fail_errno(errno, what, path);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }
  void close(const std::filesystem::path& path) {
    if (::close(std::exchange(fd_, -1)) != 0) fail_errno(errno, "write", path);
  }

 private:
  int fd_;
};

size_t size_of(int fd, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) fail_errno(errno, "read", path);
  check(S_ISREG(status.st_mode), ErrorCode::bad_data, "{}: not a regular file", path.string());
  return static_cast<size_t>(status.st_size);
}

// What bytes can go to, but no file can take the place of: a terminal, a pipe, /dev/null.
bool is_device(const std::filesystem::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

// Where links lead to, which need not exist.
std::filesystem::path link_target(std::filesystem::path path) {
  constexpr int kMostLinks = 40;  // as the kernel
  for (int i = 0; i < kMostLinks && std::filesystem::is_symlink(path); ++i)
    path = path.parent_path() / std::filesystem::read_symlink(path);
  return path;
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
  return find_embedded(path) || std::filesystem::is_regular_file(path);
}

bool folder_exists(const std::filesystem::path& path) {
  return !embedded_in(path).empty() || std::filesystem::is_directory(path);
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
  const Descriptor file(path, O_RDONLY, 0, "open");
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
  const Descriptor file(path, O_RDONLY, 0, "open");
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

void FileSink::write(const void* data, size_t size_bytes) {
  const char* bytes = static_cast<const char*>(data);
  while (size_bytes > 0) {
    const ssize_t n = ::write(descriptor_, bytes, size_bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_errno(errno, "write", path_);
    bytes += n;
    size_bytes -= static_cast<size_t>(n);
  }
}

void write_file_atomic(const std::filesystem::path& named,
                       const std::function<void(FileSink&)>& write) {
  if (is_device(named)) {
    Descriptor device(named, O_WRONLY, 0, "open");
    FileSink sink(device.get(), named);
    write(sink);
    return device.close(named);
  }
  const std::filesystem::path path = link_target(named);
  const std::filesystem::path folder =
      path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  std::filesystem::path temporary = path;
  temporary += fmt::format(".tmp{}", ::getpid());
  try {
    Descriptor file(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0666, "create");
    FileSink sink(file.get(), path);
    write(sink);
    if (::fsync(file.get()) != 0) fail_errno(errno, "write", path);
    file.close(path);
    if (::rename(temporary.c_str(), path.c_str()) != 0) fail_errno(errno, "write", path);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  const Descriptor directory(folder, O_RDONLY | O_DIRECTORY, 0, "open");
  if (::fsync(directory.get()) != 0 && errno != EINVAL) fail_errno(errno, "write", path);
}

void write_file_atomic(const std::filesystem::path& path, std::string_view contents) {
  write_file_atomic(path, [&](FileSink& sink) { sink.write(contents); });
}

}  // namespace transept
