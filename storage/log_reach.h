#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "dashi/status.h"

namespace dashi::storage {

/// What the records of a file are, beside their frames, which logs and manifests have in common.
enum class RecordKind {
  kWrites,  ///< of a log: the number that each begins with never falls
  kEdits,   ///< of a manifest
};

/// Tells how far the records of a log or a manifest follow one another. RocksDB 7.8 takes some
/// damage of a frame for the end of a log that is written over an older one, or that was cut off,
/// and passes over what stands behind it without a word: so it is walked from frame to frame here.
/// Checksums are left to RocksDB, which complains of those.
///
/// Errors: kNotFound when there is no such file; kIoError.
/// Cost:   reads the file once.
Result<std::uint64_t> ReachOfRecords(const std::string& path, RecordKind kind);

/// A log as it is found.
struct FoundLog {
  std::uint64_t size = 0;
  std::uint64_t reach = 0;  ///< how far its records follow one another
};
/// The logs in RocksDB's folder, by number.
using FoundLogs = std::map<std::uint64_t, FoundLog>;

/// Errors: kIoError.
Result<FoundLogs> FindLogs(const std::string& data_directory);

}  // namespace dashi::storage
