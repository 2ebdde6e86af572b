#include "base/cores.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <memory>
#include <string>

#include "base/folder_testing.h"

namespace transept {
namespace {

namespace fs = std::filesystem;

// A root with the files that a container sees.
class Root {
 public:
  Root& write(const std::string& file, const std::string& text) {
    fs::create_directories((folder_->path() / file).parent_path());
    folder_->write(file.c_str(), text);
    return *this;
  }
  [[nodiscard]] int cores(int of) const { return cores_within_quota(of, folder_->path()); }

 private:
  std::unique_ptr<testing::TemporaryFolder> folder_ = std::make_unique<testing::TemporaryFolder>();
};

constexpr const char* kV2Mount =
    "23 18 0:5 / /proc rw - proc proc rw\n"
    "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

Root v2(const std::string& group) {
  Root root;
  root.write("proc/self/mountinfo", kV2Mount).write("proc/self/cgroup", "0::" + group + "\n");
  return root;
}

TEST(Cores, WithoutControlGroupsAllOfThem) {
  EXPECT_EQ(Root().cores(64), 64);
}

TEST(Cores, AContainerOfTwoProcessorsOnABigHostHasTwo) {
  EXPECT_EQ(v2("/").write("sys/fs/cgroup/cpu.max", "200000 100000\n").cores(64), 2);
}

TEST(Cores, PartsOfAProcessorAreRoundedUp) {
  EXPECT_EQ(v2("/").write("sys/fs/cgroup/cpu.max", "200001 100000\n").cores(64), 3);
  EXPECT_EQ(v2("/").write("sys/fs/cgroup/cpu.max", "1000 100000\n").cores(64), 1);
  EXPECT_EQ(v2("/").write("sys/fs/cgroup/cpu.max", "150000 50000\n").cores(64), 3);
}

TEST(Cores, AQuotaAboveWhatThereIsLimitsNothing) {
  EXPECT_EQ(v2("/").write("sys/fs/cgroup/cpu.max", "800000 100000\n").cores(4), 4);
  EXPECT_EQ(v2("/").write("sys/fs/cgroup/cpu.max", "max 100000\n").cores(4), 4);
}

TEST(Cores, TheSmallestQuotaOnTheWayUpCounts) {
  const auto quotas = [](const std::string& top, const std::string& middle,
                         const std::string& own) {
    return v2("/a/b")
        .write("sys/fs/cgroup/cpu.max", top)
        .write("sys/fs/cgroup/a/cpu.max", middle)
        .write("sys/fs/cgroup/a/b/cpu.max", own)
        .cores(64);
  };
  EXPECT_EQ(quotas("max 100000\n", "400000 100000\n", "800000 100000\n"), 4);
  EXPECT_EQ(quotas("300000 100000\n", "400000 100000\n", "max 100000\n"), 3);
  EXPECT_EQ(quotas("max 100000\n", "max 100000\n", "500000 100000\n"), 5);
  EXPECT_EQ(v2("/a/b").write("sys/fs/cgroup/a/cpu.max", "700000 100000\n").cores(64), 7);
}

constexpr const char* kV1Mounts =
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:3 master:2 - cgroup cgroup rw,cpu,cpuacct\n"
    "33 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n";

TEST(Cores, VersionOneHasItsOwnFiles) {
  Root root;
  root.write("proc/self/mountinfo", kV1Mounts)
      .write("proc/self/cgroup", "3:cpuset:/other\n1:cpu,cpuacct:/a/b\n0::/\n")
      .write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n")
      .write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n")
      .write("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n")
      .write("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(root.cores(64), 64);
  root.write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "450000\n")
      .write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(root.cores(64), 5);
  root.write("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "25000\n");
  EXPECT_EQ(root.cores(64), 1);
}

TEST(Cores, BothVersionsCountWhereBothAreMounted) {
  Root root;
  root.write(
          "proc/self/mountinfo",
          std::string(kV1Mounts) + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n")
      .write("proc/self/cgroup", "1:cpu,cpuacct:/\n0::/c\n")
      .write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "600000\n")
      .write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(root.cores(64), 6);
  root.write("sys/fs/cgroup/unified/c/cpu.max", "300000 100000\n");
  EXPECT_EQ(root.cores(64), 3);
}

// Docker on version 1: the container's group is the mount's root, its path the host's.
TEST(Cores, AContainerThatSeesOnlyItsOwnGroup) {
  Root root;
  root.write("proc/self/mountinfo",
             "32 31 0:29 /docker/7f /sys/fs/cgroup/cpu ro master:2 - cgroup cgroup rw,cpu\n")
      .write("proc/self/cgroup", "1:cpu:/docker/7f\n")
      .write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n")
      .write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(root.cores(64), 2);
  EXPECT_EQ(root.write("proc/self/cgroup", "1:cpu:/docker/7f/deep\n").cores(64), 2);
  EXPECT_EQ(root.write("proc/self/cgroup", "1:cpu:/elsewhere\n").cores(64), 2);
  EXPECT_EQ(v2("/../x").write("sys/fs/cgroup/cpu.max", "200000 100000\n").cores(64), 2);
}

TEST(Cores, WhatCannotBeUnderstoodLimitsNothing) {
  for (const char* text : {"", "\n", "x 100000\n", "200000\n", "200000 0\n", "0 100000\n",
                           "-5 100000\n", "200000 100000 7\n", "99999999999999999999 1\n"}) {
    EXPECT_EQ(v2("/").write("sys/fs/cgroup/cpu.max", text).cores(8), 8) << text;
  }
  Root root = v2("/");
  root.write("sys/fs/cgroup/cpu.max", "100000 100000\n");
  for (const char* text : {"", "31\n", "a b c d e f g h i j\n", " - \n", "1 2 3 4 5 6 - cgroup2\n"})
    EXPECT_EQ(root.write("proc/self/mountinfo", text).cores(8), 8) << text;
  root.write("proc/self/mountinfo", kV2Mount);
  for (const char* text : {"", "0\n", "0:\n", "7:cpu:/\n"})
    EXPECT_EQ(root.write("proc/self/cgroup", text).cores(8), 8) << text;
}

TEST(Cores, AffinityCounts) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  EXPECT_LE(available_cores(), CPU_COUNT(&before));
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(sched_getcpu()), &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(available_cores(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
}

}  // namespace
}  // namespace transept
