// How many processors this process may use.
#pragma once

#include <filesystem>

namespace transept {

// What a container's limits leave of `cores`: the quotas of the control groups that this process is
// in, up to the root, version 1 (cpu.cfs_quota_us over cpu.cfs_period_us) and version 2 (cpu.max),
// each rounded up to whole processors. Reads proc/self and what is mounted below `root`; what is
// not there, or says nothing that can be understood, limits nothing. At least 1.
[[nodiscard]] int cores_within_quota(int cores, const std::filesystem::path& root = "/");

// The processors that this process may run on, within its quota.
[[nodiscard]] int available_cores();

}  // namespace transept
