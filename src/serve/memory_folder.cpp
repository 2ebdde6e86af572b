#include "serve/memory_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/sha256.h"

namespace transept::serve {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kEnding = ".memory";
constexpr std::string_view kUploaded = ".uploaded";
constexpr size_t kXxh3Digits = 32;
constexpr size_t kSha256Digits = 64;
constexpr mode_t kPrivateFolder = 0700;
constexpr unsigned kPrivateFile = 0600;

bool is_hex(std::string_view text, size_t digits) {
  return text.size() == digits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_hash(std::string_view text) {
  return is_hex(text, kSha256Digits) || is_hex(text, kXxh3Digits);
}

// ID.HASH.memory or ID.HASH.uploaded.memory
std::optional<StoredMemory> parse_name(std::string_view name) {
  if (!name.ends_with(kEnding)) return {};
  name.remove_suffix(kEnding.size());
  StoredMemory file;
  file.uploaded = name.ends_with(kUploaded);
  if (file.uploaded) name.remove_suffix(kUploaded.size());
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) return {};
  file.name.id = name.substr(0, dot);
  file.hash = name.substr(dot + 1);
  if (!is_hash(file.name.id) || !is_hash(file.hash)) return {};
  return file;
}

// What servers of version 1 called a file that they were writing: NAME.tmpPID.
bool is_old_temporary(std::string_view name) {
  const size_t mark = name.rfind(".tmp");
  if (mark == std::string_view::npos || !parse_name(name.substr(0, mark))) return false;
  const std::string_view process = name.substr(mark + 4);
  return !process.empty() && process.size() <= 10 &&
         process.find_first_not_of("0123456789") == std::string_view::npos;
}

struct Status {
  bool exists = false;
  struct stat about {};
  [[nodiscard]] bool is_file() const { return exists && S_ISREG(about.st_mode); }
  [[nodiscard]] bool is_folder() const { return exists && S_ISDIR(about.st_mode); }
  [[nodiscard]] bool is_open_to_others() const { return (about.st_mode & 077) != 0; }
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> identity() const {
    return {about.st_dev, about.st_ino};
  }
};

// Of the name itself, whatever a link there leads to.
Status status_of(const fs::path& path) {
  Status status;
  status.exists = ::lstat(path.c_str(), &status.about) == 0;
  return status;
}

void make_folder(const fs::path& path) {
  std::error_code error;
  const fs::path parent = path.parent_path();
  if (!parent.empty() && !fs::exists(parent, error) && !error) make_folder(parent);
  if (::mkdir(path.c_str(), kPrivateFolder) == 0 ||
      (errno == EEXIST && fs::is_directory(path, error)))
    return;
  fail(ErrorCode::io, "{}: cannot make the folder for memories: {}; choose another --memory-folder",
       path.string(), std::strerror(errno));
}

// Of the server's own making, by an older one: others could read what is in it.
void make_private(const fs::path& path, const Status& status, mode_t mode) {
  const bool is_link = status.exists && S_ISLNK(status.about.st_mode);  // to what is not our making
  if (is_link || !status.is_open_to_others() || status.about.st_uid != ::geteuid()) return;
  if (::chmod(path.c_str(), mode) != 0)
    log(LogLevel::warning, path.string() + ": others can read it, and that cannot be changed: " +
                               std::strerror(errno));
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    entries.push_back(at->path());
  check(
      !error, ErrorCode::io, "{}: cannot list: {}", [&] { return folder.string(); },
      [&] { return error.message(); });
  return entries;
}

// Nothing in it but what servers make there?
bool is_servers_own(const fs::path& folder) {
  const std::vector<fs::path> entries = entries_of(folder);
  return std::all_of(entries.begin(), entries.end(), [](const fs::path& entry) {
    const std::string name = entry.filename().string();
    return name == "lock" || is_hex(name, kXxh3Digits);  // of version 1; a model's fingerprint
  });
}

// Files of one namespace, with their ages.
using Aged = std::pair<std::int64_t, StoredMemory>;
void add_files(const fs::path& folder, const std::string& space, std::vector<Aged>& found) {
  remove_temporaries(folder,
                     [](std::string_view target) { return parse_name(target).has_value(); });
  for (const fs::path& path : entries_of(folder)) {
    const std::string name = path.filename().string();
    std::optional<StoredMemory> file = parse_name(name);
    if (!file && !is_old_temporary(name)) continue;
    const Status status = status_of(path);
    if (!status.is_file()) {
      if (status.exists) log(LogLevel::warning, path.string() + ": not a file, left alone");
      continue;
    }
    if (!file) {
      remove_file(path);
      continue;
    }
    make_private(path, status, kPrivateFile);
    file->name.space = space;
    file->path = path;
    file->bytes = static_cast<size_t>(status.about.st_size);
    constexpr std::int64_t kSecond = 1'000'000'000;
    found.emplace_back(status.about.st_mtim.tv_sec * kSecond + status.about.st_mtim.tv_nsec,
                       std::move(*file));
  }
}

// Hashes what is added to it as the hash in a name was made.
class NameHash {
 public:
  explicit NameHash(const std::string& wanted) : wanted_(wanted) {}
  void add(std::string_view bytes) {
    if (wanted_.size() == kXxh3Digits)
      old_.add(bytes);
    else
      hash_.add(bytes);
  }
  [[nodiscard]] bool fits() {
    return wanted_ == (wanted_.size() == kXxh3Digits ? old_.hex() : hash_.hex());
  }

 private:
  const std::string& wanted_;
  Sha256 hash_;
  Hasher old_;
};

}  // namespace

MemoryFolder::MemoryFolder(fs::path path) : path_(std::move(path)) {
  if (exists()) take();
}

// Makes the folder, if it is not there, and the lock.
void MemoryFolder::take() {
  const bool is_new = !status_of(path_).exists;
  make_folder(path_);
  std::error_code error;
  path_ = fs::canonical(path_, error);  // a link that was named is meant
  const Status status = status_of(path_);
  if (!is_new && status.is_open_to_others()) {
    if (is_servers_own(path_))
      make_private(path_, status, kPrivateFolder);
    else
      log(LogLevel::warning,
          path_.string() +
              ": others may look into this folder; what the server makes in it, they may not");
  }
  check(
      ::access(path_.c_str(), W_OK | X_OK) == 0, ErrorCode::io,
      "{}: cannot write here: {}; choose another --memory-folder", [&] { return path_.string(); },
      [] { return std::strerror(errno); });
  lock_ = FolderLock();
  std::optional<FolderLock> lock = FolderLock::take(path_);
  check(lock.has_value(), ErrorCode::io,
        "{}: another server keeps its memories here; choose another --memory-folder",
        [&] { return path_.string(); });
  if (!lock->holds())
    log(LogLevel::warning, path_.string() + ": cannot be locked here; no other server may use it");
  lock_ = std::move(*lock);
  locked_ = status.identity();
}

std::vector<StoredMemory> MemoryFolder::scan(const std::string& fingerprint,
                                             const IsRight& is_right) const {
  const fs::path folder = path_ / fingerprint;
  make_folder(folder);
  make_private(folder, status_of(folder), kPrivateFolder);
  std::vector<Aged> found;
  add_files(folder, std::string(kShared), found);
  for (const fs::path& entry : entries_of(folder)) {
    const std::string space = entry.filename().string();
    const Status status = status_of(entry);
    if (!is_hex(space, kSha256Digits) || !status.is_folder()) continue;
    make_private(entry, status, kPrivateFolder);
    add_files(entry, space, found);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Aged& a, const Aged& b) { return a.first < b.first; });
  std::map<MemoryName, size_t> chosen;
  std::vector<bool> leaves(found.size());
  for (size_t i = 0; i < found.size(); ++i) {
    const auto [at, is_first] = chosen.emplace(found[i].second.name, i);
    if (is_first) continue;
    const bool younger = is_right(found[i].second);
    leaves[younger ? at->second : i] = true;
    if (younger) {
      remove_file(found[at->second].second.path);
      at->second = i;
    }
  }
  std::vector<StoredMemory> files;
  for (size_t i = 0; i < found.size(); ++i)
    if (!leaves[i]) files.push_back(std::move(found[i].second));
  return files;
}

StoredMemory MemoryFolder::write(const std::string& fingerprint, const MemoryName& name,
                                 std::string_view bytes, bool uploaded) {
  const Status status = status_of(path_);
  if (!status.exists || status.identity() != locked_) take();
  StoredMemory file{name, sha256(bytes), uploaded, path_ / fingerprint, bytes.size(), true};
  if (name.space != kShared) file.path /= name.space;
  make_folder(file.path);
  file.path /=
      name.id + "." + file.hash + (uploaded ? std::string(kUploaded) : "") + std::string(kEnding);
  const Status there = status_of(file.path);
  check(!there.exists || there.is_file(), ErrorCode::io,
        "{}: something that is not a file has the name of a memory; remove it",
        [&] { return file.path.string(); });
  write_file_atomic(file.path, bytes, kPrivateFile);
  return file;
}

bool is_file(const fs::path& path) {
  return status_of(path).is_file();
}

std::optional<MemoryContents> read_memory(const StoredMemory& memory) {
  const fs::path& path = memory.path;
  try {
    const Status status = status_of(path);
    check(!status.exists || status.is_file(), ErrorCode::io, "{}: not a file",
          [&] { return path.string(); });
    const std::string bytes = read_file(path);
    NameHash hash(memory.hash);
    hash.add(bytes);
    check(hash.fits(), ErrorCode::bad_data,
          "{}: the file is damaged: its bytes do not have the hash in its name",
          [&] { return path.string(); });
    MemoryContents contents =
        read_memory_file(SafetensorsFile::parse(std::as_bytes(std::span(bytes)), path.string()));
    const timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
    (void)::utimensat(AT_FDCWD, path.c_str(), now,
                      AT_SYMLINK_NOFOLLOW);  // the age survives a restart
    return contents;
  } catch (const Error& error) {
    // Anything else (out of descriptors, a disk that fails) may be over the next time.
    // So may a version that only a newer server knows.
    if (error.code() != ErrorCode::bad_data && error.code() != ErrorCode::not_found) throw;
    log(LogLevel::warning, error.what());
    return {};
  }
}

bool is_undamaged(const StoredMemory& memory) {
  if (!is_file(memory.path)) return false;
  std::ifstream file(memory.path, std::ios::binary);
  NameHash hash(memory.hash);
  std::string piece(size_t{1} << 20, '\0');
  while (file) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    hash.add(std::string_view(piece).substr(0, static_cast<size_t>(file.gcount())));
  }
  return file.eof() && hash.fits();
}

void remove_file(const fs::path& file) {
  if (::unlink(file.c_str()) != 0) {
    check(
        errno == ENOENT, ErrorCode::io, "{}: cannot remove: {}", [&] { return file.string(); },
        [] { return std::strerror(errno); });
    return;
  }
  const int folder = ::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  (void)::fsync(folder);
  ::close(folder);
}

}  // namespace transept::serve
