#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
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

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
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
      path_(std::move(other.path_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
}

void MappedFile::release(std::span<const std::byte> part) const {
  if (data_ == nullptr || part.empty()) return;
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

void write_file_atomic(const std::filesystem::path& path,
                       const std::function<void(FileSink&)>& write) {
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
