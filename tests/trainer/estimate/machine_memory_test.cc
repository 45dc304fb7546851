#include "trainer/estimate/machine_memory.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/testing/tiny_database.h"

namespace dashi::trainer {
namespace {

/// A machine's `/proc` and `/sys` in a folder.
class MachineMemoryTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file(root_.path() + path);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  std::optional<std::uint64_t> Available() const { return AvailableMemoryBytes(root_.path()); }

  testing::TemporaryDirectory root_;
};

TEST_F(MachineMemoryTest, IsUnknownWhereTheSystemDoesNotTell) {
  EXPECT_EQ(Available(), std::nullopt);
}

TEST_F(MachineMemoryTest, IsWhatTheMachineHasAvailable) {
  Write("/proc/meminfo", "MemTotal:  9000 kB\nMemFree:  100 kB\nMemAvailable:    5000 kB\n");
  EXPECT_EQ(Available(), 5000U * 1024);
  // A group without a limit changes nothing.
  Write("/proc/self/cgroup", "0::/user.slice\n");
  Write("/sys/fs/cgroup/user.slice/memory.max", "max\n");
  Write("/sys/fs/cgroup/user.slice/memory.current", "1000\n");
  EXPECT_EQ(Available(), 5000U * 1024);
}

TEST_F(MachineMemoryTest, VersionTwoTakesTheTightestLimitOfAllGroupsAround) {
  Write("/proc/meminfo", "MemAvailable: 5000 kB\n");
  Write("/proc/self/cgroup", "0::/outer/inner\n");
  Write("/sys/fs/cgroup/outer/inner/memory.max", "4000000\n");
  Write("/sys/fs/cgroup/outer/inner/memory.current", "1500000\n");
  Write("/sys/fs/cgroup/outer/inner/memory.stat", "anon 1000\ninactive_file 500000\n");
  EXPECT_EQ(Available(), 3000000U);
  Write("/sys/fs/cgroup/outer/memory.max", "2000000\n");
  Write("/sys/fs/cgroup/outer/memory.current", "1900000\n");
  EXPECT_EQ(Available(), 100000U);
  Write("/sys/fs/cgroup/outer/memory.current", "2100000\n");
  EXPECT_EQ(Available(), 0U);
}

TEST_F(MachineMemoryTest, VersionOneIsFoundAmongTheControllers) {
  Write("/proc/meminfo", "MemAvailable: 5000 kB\n");
  Write("/proc/self/cgroup", "5:cpu,cpuacct:/a\n4:hugetlb,memory:/b\n0::/\n");
  const std::string folder = "/sys/fs/cgroup/memory/b/";
  Write(folder + "memory.limit_in_bytes", "3000000\n");
  Write(folder + "memory.usage_in_bytes", "2500000\n");
  Write(folder + "memory.stat", "cache 7\ntotal_inactive_file 200000\n");
  EXPECT_EQ(Available(), 700000U);
}

TEST_F(MachineMemoryTest, AContainerThatDoesNotSeeItsGroupsNameReadsTheTopmostFolder) {
  Write("/proc/meminfo", "MemAvailable: 5000 kB\n");
  Write("/proc/self/cgroup", "4:memory:/docker/0123\n");
  Write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1000\n");
  Write("/sys/fs/cgroup/memory/memory.usage_in_bytes", "400\n");
  EXPECT_EQ(Available(), 600U);
}

TEST(MachineMemoryHereTest, ThisMachineTells) {
  const std::optional<std::uint64_t> available = AvailableMemoryBytes();
  ASSERT_TRUE(available.has_value());
  EXPECT_GT(*available, 0U);
}

}  // namespace
}  // namespace dashi::trainer
