#include "serve/memory_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"

namespace transept::serve {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kEnding = ".memory";
constexpr std::string_view kUploaded = ".uploaded";
constexpr size_t kHashDigits = 32;

bool is_hex(std::string_view text) {
  return text.size() == kHashDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// ID.HASH.memory or ID.HASH.uploaded.memory
std::optional<MemoryFileName> parse_name(const fs::path& path) {
  const std::string name = path.filename().string();
  std::string_view rest = name;
  if (!rest.ends_with(kEnding)) return {};
  rest.remove_suffix(kEnding.size());
  MemoryFileName file;
  file.path = path;
  file.uploaded = rest.ends_with(kUploaded);
  if (file.uploaded) rest.remove_suffix(kUploaded.size());
  if (rest.size() != 2 * kHashDigits + 1 || rest[kHashDigits] != '.') return {};
  file.id = rest.substr(0, kHashDigits);
  file.hash = rest.substr(kHashDigits + 1);
  if (!is_hex(file.id) || !is_hex(file.hash)) return {};
  return file;
}

std::string hash_of(std::string_view bytes) {
  Hasher hash;
  hash.add(bytes);
  return hash.hex();
}

}  // namespace

int lock_folder(const fs::path& folder) {
  if (folder.empty()) return -1;
  std::error_code error;
  fs::create_directories(folder, error);
  check(!error, ErrorCode::io, "{}: cannot make the folder for memories: {}", folder.string(),
        error.message());
  const fs::path path = folder / "lock";
  const int lock = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  check(lock >= 0, ErrorCode::io, "{}: cannot write here: {}; choose another --memory-folder",
        folder.string(), std::strerror(errno));
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock);
    fail(ErrorCode::io,
         "{}: another server keeps its memories here; choose another "
         "--memory-folder",
         folder.string());
  }
  return lock;
}

void unlock_folder(int lock) {
  if (lock >= 0) ::close(lock);
}

std::vector<MemoryFileName> scan_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  check(!error, ErrorCode::io, "{}: cannot make the folder for memories: {}", folder.string(),
        error.message());
  std::vector<std::pair<fs::file_time_type, MemoryFileName>> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const std::string name = entry.path().filename().string();
    if (name.find(".memory.tmp") != std::string::npos) {
      fs::remove(entry.path(), error);
      continue;
    }
    if (auto file = parse_name(entry.path())) {
      file->bytes = entry.file_size();
      found.emplace_back(entry.last_write_time(), std::move(*file));
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::map<std::string, size_t> last;
  for (size_t i = 0; i < found.size(); ++i) last[found[i].second.id] = i;
  std::vector<MemoryFileName> files;
  for (size_t i = 0; i < found.size(); ++i) {
    if (last.at(found[i].second.id) == i)
      files.push_back(std::move(found[i].second));
    else
      fs::remove(found[i].second.path, error);
  }
  return files;
}

bool read_memory(const fs::path& file, MemoryContents& contents) {
  const auto name = parse_name(file);
  dcheck(name.has_value());
  try {
    const std::string bytes = read_file(file);
    check(hash_of(bytes) == name->hash, ErrorCode::bad_data,
          "{}: the file is damaged: its bytes do not have the hash in its name", file.string());
    contents =
        read_memory_file(SafetensorsFile::parse(std::as_bytes(std::span(bytes)), file.string()));
    const timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
    (void)::utimensat(AT_FDCWD, file.c_str(), now, 0);  // used: the age survives a restart
    return true;
  } catch (const Error& error) {
    // Anything else (out of descriptors, a disk that fails) may be over the next time.
    if (error.code() != ErrorCode::bad_data && error.code() != ErrorCode::not_found) throw;
    log(LogLevel::warning, error.what());
    return false;
  }
}

MemoryFileName write_memory(const fs::path& folder, const std::string& id, std::string_view bytes,
                            bool uploaded) {
  MemoryFileName file;
  file.id = id;
  file.hash = hash_of(bytes);
  file.uploaded = uploaded;
  file.bytes = bytes.size();
  file.path = folder / (id + "." + file.hash + (uploaded ? std::string(kUploaded) : "") +
                        std::string(kEnding));
  write_file_atomic(file.path, bytes);
  return file;
}

void remove_file(const fs::path& file) {
  if (::unlink(file.c_str()) != 0) {
    check(errno == ENOENT, ErrorCode::io, "{}: cannot remove: {}", file.string(),
          std::strerror(errno));
    return;
  }
  const int folder = ::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  (void)::fsync(folder);
  ::close(folder);
}

}  // namespace transept::serve
