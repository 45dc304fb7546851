#include "storage/lost_logs.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/file.h"
#include "base/status.h"
#include "storage/synced_files.h"

namespace dashi::storage {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNumNamedMax = 3;
constexpr std::size_t kCurrentBytesMax = 256;

// The size of a file; nullopt when there is none.
Result<std::optional<std::uint64_t>> SizeOf(const std::string& path) {
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(path, error);
  if (error == std::errc::no_such_file_or_directory) {
    return std::optional<std::uint64_t>();
  }
  if (error) {
    return IoErrorOf("cannot look at a file", path, error.value());
  }
  return std::optional<std::uint64_t>(bytes);
}

// The number of the manifest that is in use; nullopt when that cannot be told, of which RocksDB
// complains.
Result<std::optional<std::uint64_t>> CurrentManifest(const std::string& data_directory) {
  const Result<std::unique_ptr<File>> file = File::OpenForReading(data_directory + "/CURRENT");
  if (file.status().code() == StatusCode::kNotFound) {
    return std::optional<std::uint64_t>();
  }
  DASHI_RETURN_IF_ERROR(file.status());
  std::string name(kCurrentBytesMax, '\0');
  DASHI_RETURN_IF_ERROR(file.value()->ReadAt(0, &name));
  if (!name.ends_with('\n')) {
    return std::optional<std::uint64_t>();
  }
  name.pop_back();
  return ParseManifestName(name);
}

// What is less of a file than the `before` bytes that were on the disk.
std::string DescribeLess(const std::string& name, const FoundLog& found, std::uint64_t before) {
  return found.size < before
             ? fmt::format("{} has {} of {} bytes", name, found.size, before)
             : fmt::format("{} is damaged behind byte {} of {}", name, found.reach, before);
}

std::string Describe(const LostLog& log) {
  const std::string name = LogName(log.number);
  return log.found ? DescribeLess(name, *log.found, log.bytes_before)
                   : fmt::format("{} is gone", name);
}

}  // namespace

std::vector<LostLog> FindLostLogs(const FoundLogs& logs, const WatermarkHistory& history) {
  std::vector<LostLog> lost;
  if (!history.files) {
    return lost;
  }
  const SyncedFiles& files = *history.files;
  const Watermark newest = history.newest.value_or(Watermark{files.commits_ended, 0, 0});
  for (std::size_t i = 0; i < files.logs.size(); ++i) {
    const SyncedLog& log = files.logs[i];
    const auto found = logs.find(log.number);
    if (found != logs.end() && found->second.reach >= log.bytes) {
      continue;
    }
    const bool is_last = i + 1 == files.logs.size();
    const LogBirth next =
        is_last ? LogBirth{0, newest.commit_sequence, newest.at_micros} : files.logs[i + 1].birth;
    lost.push_back(
        {.number = log.number,
         .bytes_before = log.bytes,
         .found = found == logs.end() ? std::nullopt : std::optional<FoundLog>(found->second),
         .first_commit = log.birth.commits_before + 1,
         .last_commit = next.commits_begun,
         .from_micros = log.birth.at_micros,
         .to_micros = next.at_micros});
  }
  return lost;
}

std::string DescribeLostLogs(const std::vector<LostLog>& logs) {
  std::vector<std::string> described;
  for (const LostLog& log : logs) {
    if (described.size() == kNumNamedMax) {
      described.push_back(fmt::format("and so on, {} in all", logs.size()));
      break;
    }
    described.push_back(Describe(log));
  }
  return fmt::format("{}", fmt::join(described, ", "));
}

Result<std::string> FindLostManifest(const std::string& data_directory,
                                     const WatermarkHistory& history) {
  if (!history.files || history.files->manifest_number == 0) {
    return std::string();
  }
  const SyncedFiles& files = *history.files;
  DASHI_ASSIGN_OR_RETURN(const std::optional<std::uint64_t> current,
                         CurrentManifest(data_directory));
  if (!current || *current > files.manifest_number) {
    return std::string();
  }
  if (*current < files.manifest_number) {
    return fmt::format("CURRENT names {}, after {} was in use", ManifestName(*current),
                       ManifestName(files.manifest_number));
  }
  const std::string name = ManifestName(*current);
  const std::string path = fmt::format("{}/{}", data_directory, name);
  DASHI_ASSIGN_OR_RETURN(const std::optional<std::uint64_t> bytes, SizeOf(path));
  if (!bytes) {
    return std::string();
  }
  const Result<std::uint64_t> reach = ReachOfRecords(path, RecordKind::kEdits);
  if (reach.status().code() == StatusCode::kNotFound) {
    return std::string();
  }
  DASHI_RETURN_IF_ERROR(reach.status());
  return *reach < files.manifest_bytes ? DescribeLess(name, {*bytes, *reach}, files.manifest_bytes)
                                       : std::string();
}

}  // namespace dashi::storage
