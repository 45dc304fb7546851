#include "storage/rocksdb_log_gaps.h"

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/file.h"
#include "base/status.h"
#include "storage/lost_logs.h"
#include "storage/rocksdb_engine.h"
#include "storage/rocksdb_watermark.h"
#include "storage/synced_files.h"

namespace dashi::storage {

namespace {

constexpr std::uint64_t kMemoryBytes = std::uint64_t{16} << 20U;
constexpr std::uint64_t kLogBlockBytes = 32768;
// The checksum 0, the length 1, the type of a whole record, and a byte of which the checksum is
// another one.
constexpr std::string_view kNoRecord("\0\0\0\0\1\0\1x", 8);

Result<std::vector<LostLog>> FindNeededLostLogs(const DirectoryPaths& copy,
                                                const WatermarkHistory& history) {
  DASHI_ASSIGN_OR_RETURN(const FoundLogs logs, FindLogs(copy.data));
  std::vector<LostLog> lost = FindLostLogs(logs, history);
  if (!lost.empty()) {
    EngineOptions options;
    options.read_only = true;
    options.without_logs = true;
    options.memory_bytes_max = kMemoryBytes;
    DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<RocksdbEngine> tables,
                           RocksdbEngine::Open(copy.data, options));
    KeepNeededLogs(*tables, &lost);
  }
  return lost;
}

// At the beginning of a block, since a reader goes on there after whatever it finds before.
Status MarkGap(const std::string& path, const LostLog& log) {
  DASHI_ASSIGN_OR_RETURN(const std::unique_ptr<File> file,
                         log.found ? File::OpenForWriting(path) : File::Create(path));
  const std::uint64_t end = log.found ? log.found->reach : 0;
  DASHI_RETURN_IF_ERROR(file->Truncate(end));
  const std::uint64_t next_block = (end + kLogBlockBytes - 1) / kLogBlockBytes * kLogBlockBytes;
  DASHI_RETURN_IF_ERROR(
      file->WriteAt(end, std::string(next_block - end, '\0') + std::string(kNoRecord)));
  return file->Sync();
}

}  // namespace

Result<std::string> MarkLogGaps(const DirectoryPaths& copy, const WatermarkHistory& history) {
  DASHI_ASSIGN_OR_RETURN(const std::string manifest, FindLostManifest(copy.data, history));
  if (!manifest.empty()) {
    return Status::Corruption(fmt::format("the manifest lost its end: {}", manifest));
  }
  DASHI_ASSIGN_OR_RETURN(const std::vector<LostLog> lost, CatchAsStatus("opening the copy", [&] {
                           return FindNeededLostLogs(copy, history);
                         }));
  for (const LostLog& log : lost) {
    DASHI_RETURN_IF_ERROR(MarkGap(fmt::format("{}/{}", copy.data, LogName(log.number)), log));
  }
  return DescribeLostLogs(lost);
}

}  // namespace dashi::storage
