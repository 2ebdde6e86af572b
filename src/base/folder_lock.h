// A folder that one process uses at a time: a lock on the folder itself, which goes with the
// process. There is no lock file that could be removed, or be a link.
#pragma once

#include <filesystem>
#include <optional>

#include "base/descriptor.h"

namespace transept {

class FolderLock {
 public:
  FolderLock() = default;
  // Nothing if somebody else has it, in this process too. Error not_found or io if there is no such
  // folder.
  [[nodiscard]] static std::optional<FolderLock> take(const std::filesystem::path& folder);

  // False where the file system cannot lock folders (NFS): whoever needs the lock says so then.
  [[nodiscard]] bool holds() const { return holds_; }

 private:
  Descriptor folder_;
  bool holds_ = false;
};

}  // namespace transept
