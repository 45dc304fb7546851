#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "storage/commit_watermark.h"
#include "storage/log_reach.h"

namespace dashi::storage {

/// A log that is gone, or of which less can be read than before.
struct LostLog {
  std::uint64_t number = 0;
  std::uint64_t bytes_before = 0;
  std::optional<FoundLog> found;  ///< nullopt: there is none
  /// What it may have held: the commits from `first_commit` to `last_commit`, if any, which were
  /// acknowledged between the two times.
  std::uint64_t first_commit = 0;
  std::uint64_t last_commit = 0;
  std::int64_t from_micros = 0;
  std::int64_t to_micros = 0;
};

/// Compares the logs that are there with those that the watermark file lists. A log that is missing
/// is lost only when it is still needed: RocksDB removes those that are not.
std::vector<LostLog> FindLostLogs(const FoundLogs& logs, const WatermarkHistory& history);

/// "000012.log is gone, 000015.log has 10 of 2000 bytes".
std::string DescribeLostLogs(const std::vector<LostLog>& logs);

/// Looks whether the manifest is the one of the watermark file, and can be read as far as then, or
/// a later one. Returns what is wrong, or "".
Result<std::string> FindLostManifest(const std::string& data_directory,
                                     const WatermarkHistory& history);

}  // namespace dashi::storage
