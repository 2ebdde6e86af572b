#include "base/folder_lock.h"

#include <sys/file.h>

namespace transept {

std::optional<FolderLock> FolderLock::take(const std::filesystem::path& folder) {
  std::error_code error;
  // A link that was there when the folder was named is meant; one put in its place now is not.
  const std::filesystem::path real = std::filesystem::canonical(folder, error);
  if (error) fail_errno(error.value(), "open", folder);
  FolderLock lock;
  lock.folder_ = Descriptor(::open(real.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (lock.folder_.get() < 0) fail_errno(errno, "open", folder);
  while (::flock(lock.folder_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return std::nullopt;
    const bool unable = errno == EBADF || errno == ENOLCK || errno == EOPNOTSUPP || errno == EINVAL;
    if (!unable) fail_errno(errno, "lock", folder);
    return lock;
  }
  lock.holds_ = true;
  return lock;
}

}  // namespace transept
