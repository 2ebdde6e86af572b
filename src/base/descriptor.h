// A file descriptor that is closed when it goes, for the files of base alone.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/error.h"

namespace transept {

[[noreturn]] inline void fail_errno(int error, const char* what,
                                    const std::filesystem::path& path) {
  const ErrorCode code = error == ENOENT || error == ENOTDIR ? ErrorCode::not_found : ErrorCode::io;
  fail(code, "{}: cannot {}: {}", path.string(), what, std::strerror(error));
}

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  // Error not_found or io: "PATH: cannot WHAT: …".
  Descriptor(const std::filesystem::path& path, int flags, const char* what)
      : descriptor_(::open(path.c_str(), flags | O_CLOEXEC)) {
    if (descriptor_ < 0) fail_errno(errno, what, path);
  }
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  [[nodiscard]] int get() const { return descriptor_; }
  // Some file systems tell only now that what was written did not fit.
  void close(const std::filesystem::path& path) {
    if (::close(std::exchange(descriptor_, -1)) != 0) fail_errno(errno, "write", path);
  }

 private:
  int descriptor_ = -1;
};

}  // namespace transept
