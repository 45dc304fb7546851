#include "storage/manifest_stamp.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "base/mutex.h"
#include "base/status.h"
#include "storage/database_directory.h"

namespace dashi::storage {

namespace {

namespace fs = std::filesystem;

constexpr int kAttemptsMax = 100;
constexpr int kFailuresMax = 3;  // of attempts during which nothing moved
constexpr int kPauseMsMax = 64;

// Which file is the manifest, and how long it is: it only grows, or is replaced by another.
Result<std::string> ManifestStamp(const std::string& data_directory) {
  const std::string current = data_directory + "/CURRENT";
  std::ifstream file(current, std::ios::binary);
  if (!file) {
    return IoErrorOf("cannot open a file", current, errno);
  }
  std::array<char, 256> buffer{};
  file.read(buffer.data(), buffer.size());
  std::string name(buffer.data(), static_cast<std::size_t>(file.gcount()));
  if (name.ends_with('\n')) {
    name.pop_back();
  }
  std::error_code error;  // A name that is damaged is RocksDB's to complain of.
  const std::uintmax_t bytes = fs::file_size(data_directory + "/" + name, error);
  return fmt::format("{} {}", name, error ? 0 : bytes);
}

void Pause(int attempt) {
  Mutex mutex;
  CondVar never;
  MutexLock lock(mutex);
  never.WaitFor(mutex,
                std::chrono::milliseconds(std::min(1 << std::min(attempt, 10), kPauseMsMax)));
}

}  // namespace

Status ReadUnmoved(const std::string& data_directory, const std::function<Status()>& read) {
  int num_failures = 0;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    DASHI_ASSIGN_OR_RETURN(const std::string before, ManifestStamp(data_directory));
    Status status = read();
    DASHI_ASSIGN_OR_RETURN(const std::string after, ManifestStamp(data_directory));
    if (before == after && (status.ok() || ++num_failures == kFailuresMax)) {
      return status;
    }
    status.IgnoreError("the files moved: it is tried again");
    Pause(attempt);
  }
  return Status::Unavailable(
             fmt::format("the writer changes files faster than they can be opened: {}",
                         data_directory))
      .WithHint("Try again when it writes less.");
}

Result<std::string> CommitStamp(const std::string& data_directory) {
  DASHI_ASSIGN_OR_RETURN(std::string stamp, ManifestStamp(data_directory));
  std::vector<std::string> logs;
  std::error_code error;
  for (fs::directory_iterator it(data_directory, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() == ".log") {
      std::error_code size_error;  // One that is removed meanwhile shows in the manifest.
      const std::uintmax_t bytes = it->file_size(size_error);
      logs.push_back(fmt::format(" {} {}", it->path().filename().string(), size_error ? 0 : bytes));
    }
  }
  if (error) {
    return IoErrorOf("cannot list a directory", data_directory, error.value());
  }
  std::sort(logs.begin(), logs.end());
  for (const std::string& log : logs) {
    stamp += log;
  }
  return stamp;
}

}  // namespace dashi::storage
