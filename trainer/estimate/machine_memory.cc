#include "trainer/estimate/machine_memory.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string_view>

namespace dashi::trainer {
namespace {

/// Where a version of control groups keeps the numbers of a group.
struct GroupFiles {
  const char* folder;
  const char* limit;
  const char* usage;
  const char* idle_files;  ///< a line of memory.stat
};

constexpr GroupFiles kVersion1{"/sys/fs/cgroup/memory", "memory.limit_in_bytes",
                               "memory.usage_in_bytes", "total_inactive_file"};
constexpr GroupFiles kVersion2{"/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"};

// A file of one number; nullopt when there is none, or "max".
std::optional<std::uint64_t> ReadNumber(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  return file >> number ? std::optional(number) : std::nullopt;
}

// The number behind a word at the beginning of a line.
std::optional<std::uint64_t> ReadLine(const std::string& path, std::string_view word) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string first;
    std::uint64_t number = 0;
    if (words >> first && first == word && words >> number) {
      return number;
    }
  }
  return std::nullopt;
}

// What the limits of a group and of those around it leave.
std::optional<std::uint64_t> GroupRoom(const std::string& root, const GroupFiles& files,
                                       std::string group) {
  std::optional<std::uint64_t> room;
  for (;;) {
    const std::string folder = root + files.folder + (group == "/" ? "" : group) + "/";
    const std::optional<std::uint64_t> limit = ReadNumber(folder + files.limit);
    const std::optional<std::uint64_t> usage = ReadNumber(folder + files.usage);
    if (limit && usage) {
      const std::uint64_t idle = ReadLine(folder + "memory.stat", files.idle_files).value_or(0);
      const std::uint64_t used = *usage - std::min(*usage, idle);
      const std::uint64_t left = *limit - std::min(*limit, used);
      room = std::min(room.value_or(left), left);
    }
    const std::size_t slash = group.find_last_of('/');
    if (group.empty() || group == "/" || slash == std::string::npos) {
      return room;
    }
    // A container may not see its group's own name: the topmost folder is then its group.
    group = slash == 0 ? "/" : group.substr(0, slash);
  }
}

}  // namespace

std::optional<std::uint64_t> AvailableMemoryBytes(const std::string& root) {
  std::optional<std::uint64_t> available = ReadLine(root + "/proc/meminfo", "MemAvailable:");
  if (available) {
    *available *= 1024;
  }
  std::ifstream groups(root + "/proc/self/cgroup");
  std::string line;
  while (std::getline(groups, line)) {
    // hierarchy:controllers:group
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) {
      continue;
    }
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool is_version2 = controllers == ",,";
    if (!is_version2 && controllers.find(",memory,") == std::string::npos) {
      continue;
    }
    const std::optional<std::uint64_t> room =
        GroupRoom(root, is_version2 ? kVersion2 : kVersion1, line.substr(second + 1));
    if (room) {
      available = std::min(available.value_or(*room), *room);
    }
  }
  return available;
}

}  // namespace dashi::trainer
