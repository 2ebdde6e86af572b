#include "base/file.h"

#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <mutex>
#include <optional>
#include <utility>

#include "base/descriptor.h"
#include "base/error.h"

namespace transept {
namespace {

namespace fs = std::filesystem;

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

struct stat status_of(int descriptor, const fs::path& path) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) fail_errno(errno, "read", path);
  return status;
}

// Waits neither for a pipe's writer nor for a device. A socket cannot be opened at all.
Descriptor open_regular(const fs::path& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  const int error = errno;
  struct stat status {};
  const bool known = file.get() >= 0 ? ::fstat(file.get(), &status) == 0
                                     : error == ENXIO && ::stat(path.c_str(), &status) == 0;
  if (known && !S_ISREG(status.st_mode))
    fail(ErrorCode::bad_data, "{}: {}, expected a regular file", path.string(),
         kind_of(status.st_mode));
  if (file.get() < 0) fail_errno(error, "open", path);
  return file;
}

bool is_before(const timespec& a, const timespec& b) {
  return a.tv_sec != b.tv_sec ? a.tv_sec < b.tv_sec : a.tv_nsec < b.tv_nsec;
}

// The status of a file such that every later write gives it another time. The clock of those times
// goes in ticks of a few milliseconds, so a file that was written in this tick is waited for; not
// for long, as its time may lie in the future.
struct stat settled_status(int descriptor, const fs::path& path) {
  constexpr int kMostWaits = 20;
  constexpr timespec kWait{0, 1'000'000};
  struct stat status = status_of(descriptor, path);
  for (int i = 0; i < kMostWaits; ++i) {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (is_before(status.st_mtim, now)) break;
    ::nanosleep(&kWait, nullptr);
    status = status_of(descriptor, path);
  }
  return status;
}

[[noreturn]] void fail_changed(const fs::path& path) {
  fail(ErrorCode::io, "{}: cannot read: the file was changed meanwhile; try again when it is whole",
       path.string());
}

// As much as is there, up to `size` bytes.
size_t read_some(int descriptor, char* to, size_t size, const fs::path& path) {
  for (;;) {
    const ssize_t n = ::read(descriptor, to, size);
    if (n >= 0) return static_cast<size_t>(n);
    if (errno != EINTR) fail_errno(errno, "read", path);
  }
}

// A user's text in pieces, from wherever it comes.
void each_piece(const fs::path& path, size_t most_bytes,
                const std::function<void(std::string_view)>& f) {
  constexpr size_t kPiece = size_t{1} << 16;
  const Descriptor file(path, O_RDONLY | O_NOCTTY, "open");
  std::string piece(kPiece, '\0');
  size_t total = 0;
  while (const size_t n = read_some(file.get(), piece.data(), piece.size(), path)) {
    total += n;
    check(
        total <= most_bytes, ErrorCode::limit, "{}: more than {} bytes, which is the most",
        [&] { return path.string(); }, most_bytes);
    f(std::string_view(piece).substr(0, n));
  }
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

std::optional<EmbeddedFile> find_embedded(const fs::path& path) {
  const std::lock_guard lock(embedded().mutex);
  for (const EmbeddedFile& file : embedded().files) {
    if (path == fs::path(file.folder) / file.name) return file;
  }
  return std::nullopt;
}

std::vector<fs::path> embedded_in(const fs::path& folder) {
  const std::lock_guard lock(embedded().mutex);
  std::vector<fs::path> found;
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

bool file_exists(const fs::path& path) {
  if (find_embedded(path)) return true;
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return true;
  // What is there may be in a folder that may not be read.
  return errno != ENOENT && errno != ENOTDIR && errno != ELOOP && errno != ENAMETOOLONG;
}

bool folder_exists(const fs::path& path) {
  std::error_code error;
  return !embedded_in(path).empty() || fs::is_directory(path, error);
}

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files = embedded_in(folder);
  if (files.empty()) {
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
      std::error_code unknown;  // a link that leads nowhere
      if (!at->is_directory(unknown)) files.push_back(at->path());
    }
    check(
        !error, ErrorCode::io, "{}: cannot list: {}", [&] { return folder.string(); },
        [&] { return error.message(); });
  }
  std::ranges::sort(files);
  return files;
}

struct InputFile::OnDisk {
  Descriptor descriptor;
  struct stat status {};
};

InputFile::InputFile(fs::path path) : path_(std::move(path)) {
  if (const auto file = find_embedded(path_)) {
    embedded_ = file->bytes;
    size_ = embedded_.size();
    return;
  }
  on_disk_ = std::make_unique<OnDisk>();
  on_disk_->descriptor = open_regular(path_);
  on_disk_->status = settled_status(on_disk_->descriptor.get(), path_);
  size_ = static_cast<size_t>(on_disk_->status.st_size);
}

InputFile::InputFile(InputFile&& other) noexcept = default;
InputFile& InputFile::operator=(InputFile&& other) noexcept = default;
InputFile::~InputFile() = default;

void InputFile::read(size_t offset, std::span<std::byte> out) const {
  dcheck(offset <= size_ && out.size() <= size_ - offset);
  if (on_disk_ == nullptr) {
    if (!out.empty()) std::memcpy(out.data(), embedded_.data() + offset, out.size());
    return;
  }
  while (!out.empty()) {
    const ssize_t n =
        ::pread(on_disk_->descriptor.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_errno(errno, "read", path_);
    if (n == 0) fail_changed(path_);
    offset += static_cast<size_t>(n);
    out = out.subspan(static_cast<size_t>(n));
  }
}

void InputFile::check_unchanged() const {
  if (on_disk_ == nullptr) return;
  const struct stat& was = on_disk_->status;
  const struct stat is = status_of(on_disk_->descriptor.get(), path_);
  const bool same = is.st_size == was.st_size && !is_before(is.st_mtim, was.st_mtim) &&
                    !is_before(was.st_mtim, is.st_mtim);
  if (!same) fail_changed(path_);
}

bool InputFile::is_in_place() const {
  if (on_disk_ == nullptr) return true;
  struct stat status {};
  const struct stat& was = on_disk_->status;
  return ::stat(path_.c_str(), &status) == 0 && status.st_dev == was.st_dev &&
         status.st_ino == was.st_ino;
}

std::string read_file(const fs::path& path, size_t most_bytes) {
  const InputFile file(path);
  check(
      file.size() <= most_bytes, ErrorCode::limit, "{}: {} bytes, at most {} are read",
      [&] { return path.string(); }, file.size(), most_bytes);
  std::string contents(file.size(), '\0');
  file.read(0, std::as_writable_bytes(std::span(contents)));
  file.check_unchanged();
  return contents;
}

void each_line(const fs::path& path, const std::function<void(std::string_view, size_t)>& f) {
  std::string line;  // what a piece before has of it
  size_t number = 0;
  each_piece(path, kMostTextBytes, [&](std::string_view piece) {
    while (!piece.empty()) {
      const size_t end = piece.find('\n');
      const std::string_view part = piece.substr(0, end);
      check(
          line.size() + part.size() <= kMostLineBytes, ErrorCode::limit,
          "{}: line {} has more than {} bytes: not a text", [&] { return path.string(); },
          number + 1, kMostLineBytes);
      if (end == std::string_view::npos) {
        line += part;
        return;
      }
      f(line.empty() ? part : std::string_view(line += part), ++number);
      line.clear();
      piece.remove_prefix(end + 1);
    }
  });
  if (!line.empty()) f(line, ++number);
}

std::string read_text(const fs::path& path, size_t most_bytes) {
  if (find_embedded(path)) return read_file(path, most_bytes);
  std::string text;
  each_piece(path, most_bytes, [&](std::string_view piece) { text += piece; });
  return text;
}

}  // namespace transept
