#include "base/cores.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace transept {
namespace {

namespace fs = std::filesystem;

// These files are a few lines long; what is longer is none of them.
constexpr size_t kLongest = size_t{1} << 20;

std::vector<std::string> lines_of(const fs::path& file) {
  std::vector<std::string> lines;
  std::ifstream in(file);
  size_t size = 0;
  for (std::string line; size < kLongest && std::getline(in, line); size += line.size())
    lines.push_back(line);
  return lines;
}

// "a b c" by ' ' or "a,b" by ','.
std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = std::min(text.find(separator), text.size());
    parts.push_back(text.substr(0, end));
    if (end == text.size()) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<int64_t> number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool has(const std::vector<std::string_view>& parts, std::string_view part) {
  return std::ranges::find(parts, part) != parts.end();
}

// A hierarchy of control groups: where it is mounted, which group of it that place shows, and the
// group that this process is in.
struct Hierarchy {
  fs::path mount;
  fs::path shown;
  fs::path own;
  bool is_v2 = false;
};

// The group in /proc/self/cgroup, "4:cpu,cpuacct:/a/b" or, of version 2, "0::/a/b".
std::optional<fs::path> own_group(const std::vector<std::string>& groups, bool is_v2) {
  for (const std::string& line : groups) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string_view controllers(line.data() + first + 1, second - first - 1);
    if (is_v2 ? controllers.empty() : has(split(controllers, ','), "cpu"))
      return fs::path(line.substr(second + 1));
  }
  return std::nullopt;
}

// The lines of /proc/self/mountinfo (proc_pid_mountinfo(5)): id, parent, device, which part of the
// file system is mounted, where, options, optional fields, "-", kind, source, options.
std::vector<Hierarchy> hierarchies(const fs::path& root) {
  const std::vector<std::string> groups = lines_of(root / "proc/self/cgroup");
  std::vector<Hierarchy> found;
  for (const std::string& line : lines_of(root / "proc/self/mountinfo")) {
    const std::vector<std::string_view> fields = split(line, ' ');
    const auto dash = std::ranges::find(fields, "-");
    if (dash - fields.begin() < 6 || fields.end() - dash < 4) continue;
    const bool is_v2 = dash[1] == "cgroup2";
    if (!is_v2 && (dash[1] != "cgroup" || !has(split(dash[3], ','), "cpu"))) continue;
    const std::optional<fs::path> own = own_group(groups, is_v2);
    if (own) found.push_back({root / fs::path(fields[4]).relative_path(), fields[3], *own, is_v2});
  }
  return found;
}

// Whole processors that the files of one group allow.
std::optional<int64_t> quota(const fs::path& group, bool is_v2) {
  std::vector<std::string> words;
  if (is_v2) {
    for (const std::string& line : lines_of(group / "cpu.max"))
      for (const std::string_view word : split(line, ' ')) words.emplace_back(word);
  } else {
    for (const char* file : {"cpu.cfs_quota_us", "cpu.cfs_period_us"})
      for (std::string& line : lines_of(group / file)) words.push_back(std::move(line));
  }
  if (words.size() != 2) return std::nullopt;
  const std::optional<int64_t> time = number(words[0]);  // none: "max"; -1: none, in version 1
  const std::optional<int64_t> period = number(words[1]);
  if (!time || !period || *time <= 0 || *period <= 0) return std::nullopt;
  return (*time - 1) / *period + 1;
}

// The group's path below the mount. A container may see its own group as the mount's root, and says
// the path from there, from the host's root, or one outside ("/../x"): the mount itself, then.
fs::path place_of(const Hierarchy& h) {
  const fs::path below = h.own.lexically_relative(h.shown);
  if (!below.empty() && *below.begin() != "..") return (h.mount / below).lexically_normal();
  return h.mount;
}

}  // namespace

int cores_within_quota(int cores, const fs::path& root) {
  int64_t allowed = cores;
  for (const Hierarchy& h : hierarchies(root)) {
    const fs::path mount = h.mount.lexically_normal();
    for (fs::path group = place_of(h);; group = group.parent_path()) {
      allowed = std::min(allowed, quota(group, h.is_v2).value_or(allowed));
      if (group == mount || group == group.parent_path()) break;
    }
  }
  return static_cast<int>(std::max<int64_t>(allowed, 1));
}

int available_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const bool known = sched_getaffinity(0, sizeof set, &set) == 0;
  const unsigned n = known ? static_cast<unsigned>(CPU_COUNT(&set))
                           : std::max(1U, std::thread::hardware_concurrency());
  return cores_within_quota(static_cast<int>(n));
}

}  // namespace transept
