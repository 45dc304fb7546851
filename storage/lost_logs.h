#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "storage/commit_watermark.h"

namespace dashi::storage {

/// A log that is shorter than it was, or gone.
struct LostLog {
  std::uint64_t number = 0;
  std::uint64_t bytes_before = 0;
  std::optional<std::uint64_t> bytes;  ///< nullopt: there is none
  /// What it may have held: the commits from `first_commit` to `last_commit`, if any, which were
  /// acknowledged between the two times.
  std::uint64_t first_commit = 0;
  std::uint64_t last_commit = 0;
  std::int64_t from_micros = 0;
  std::int64_t to_micros = 0;
};

/// Looks for the logs that the watermark file lists. A log that is missing is lost only when it is
/// still needed: RocksDB removes those that are not.
///
/// Errors: kIoError.
Result<std::vector<LostLog>> FindLostLogs(const std::string& data_directory,
                                          const WatermarkHistory& history);

/// "000012.log is gone, 000015.log has 10 of 2000 bytes".
std::string DescribeLostLogs(const std::vector<LostLog>& logs);

/// Looks whether the manifest is the one of the watermark file, and as long, or a later one.
/// Returns what is wrong, or "".
Result<std::string> FindLostManifest(const std::string& data_directory,
                                     const WatermarkHistory& history);

}  // namespace dashi::storage
