// Writing of files (file.h): a temporary file that takes the place of the old one.
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "base/descriptor.h"
#include "base/file.h"

namespace transept {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMark = ".tmp-";
constexpr size_t kDigits = 16;
constexpr size_t kMostNameBytes = 255;  // of every usual file system

// What bytes can go to, but no file can take the place of: a terminal, a pipe, /dev/null.
bool is_device(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

void write_device(const fs::path& path, const std::function<void(FileSink&)>& write) {
  Descriptor device(path, O_WRONLY | O_NOCTTY, "open");
  FileSink sink(device.get(), path);
  write(sink);
  device.close(path);
}

// Where links lead to, which need not exist.
fs::path link_target(fs::path path) {
  constexpr int kMostLinks = 40;  // as the kernel
  std::error_code error;
  for (int i = 0; fs::is_symlink(path, error); ++i) {
    if (i == kMostLinks) fail_errno(ELOOP, "open", path);
    path = path.parent_path() / fs::read_symlink(path, error);
    if (error) fail_errno(error.value(), "open", path);
  }
  return path;
}

uint64_t random_bits() {
  uint64_t bits = 0;
  while (::getrandom(&bits, sizeof bits, 0) != sizeof bits) {
    if (errno != EINTR) fail(ErrorCode::io, "no random numbers: {}", std::strerror(errno));
  }
  return bits;
}

// A new file beside `target` in an open folder, under a name that nobody can foresee and that no
// link can take: it is there, empty and ours, or this fails. Gone with this object, unless it took
// the target's place.
class TemporaryFile {
 public:
  TemporaryFile(int folder, const fs::path& target, unsigned permissions)
      : folder_(folder), target_(target) {
    const std::string stem =
        target.filename().string().substr(0, kMostNameBytes - kMark.size() - kDigits);
    do {
      name_ = fmt::format("{}{}{:016x}", stem, kMark, random_bits());
      file_ = Descriptor(::openat(folder_, name_.c_str(),
                                  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                                  static_cast<mode_t>(permissions)));
    } while (file_.get() < 0 && errno == EEXIST);
    if (file_.get() < 0) fail_errno(errno, "create", target);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!is_placed_) ::unlinkat(folder_, name_.c_str(), 0);
  }

  [[nodiscard]] int descriptor() const { return file_.get(); }
  void take_place() {
    if (::fsync(file_.get()) != 0) fail_errno(errno, "write", target_);
    file_.close(target_);
    const std::string name = target_.filename().string();
    if (::renameat(folder_, name_.c_str(), folder_, name.c_str()) != 0)
      fail_errno(errno, "write", target_);
    is_placed_ = true;
  }

 private:
  int folder_;
  const fs::path& target_;
  std::string name_;
  Descriptor file_;
  bool is_placed_ = false;
};

}  // namespace

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

void write_file_atomic(const fs::path& named, const std::function<void(FileSink&)>& write,
                       unsigned permissions) {
  if (is_device(named)) return write_device(named, write);
  const fs::path path = link_target(named);
  const fs::path parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const Descriptor folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0) fail_errno(errno, "create", path);
  TemporaryFile file(folder.get(), path, permissions);
  FileSink sink(file.descriptor(), path);
  write(sink);
  file.take_place();
  if (::fsync(folder.get()) != 0 && errno != EINVAL) fail_errno(errno, "write", path);
}

void write_file_atomic(const fs::path& path, std::string_view contents, unsigned permissions) {
  write_file_atomic(
      path, [&](FileSink& sink) { sink.write(contents); }, permissions);
}

std::string_view target_of_temporary(std::string_view name) {
  if (name.size() <= kMark.size() + kDigits) return {};
  const std::string_view digits = name.substr(name.size() - kDigits);
  if (digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) return {};
  name.remove_suffix(kDigits);
  if (!name.ends_with(kMark)) return {};
  name.remove_suffix(kMark.size());
  return name;
}

void remove_temporaries(const fs::path& folder,
                        const std::function<bool(std::string_view target)>& is_own) {
  std::error_code error;
  std::vector<fs::path> left;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    const std::string_view target = target_of_temporary(name);
    std::error_code unknown;
    const bool is_file = at->symlink_status(unknown).type() == fs::file_type::regular;
    if (is_file && !target.empty() && is_own(target)) left.push_back(at->path());
  }
  check(
      !error, ErrorCode::io, "{}: cannot list: {}", [&] { return folder.string(); },
      [&] { return error.message(); });
  for (const fs::path& file : left) {
    fs::remove(file, error);
    check(
        !error, ErrorCode::io, "{}: cannot remove: {}", [&] { return file.string(); },
        [&] { return error.message(); });
  }
}

}  // namespace transept
