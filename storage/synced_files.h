#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dashi::storage {

/// What was known about the commits when a log was begun.
struct LogBirth {
  std::uint64_t commits_before = 0;  ///< no commit up to this one stands in the log
  std::uint64_t commits_begun = 0;   ///< no commit above this one stands in an earlier log
  std::int64_t at_micros = 0;
};

/// A log of RocksDB, and how much of it is known to be on the disk.
struct SyncedLog {
  std::uint64_t number = 0;  ///< the 12 of 000012.log
  std::uint64_t bytes = 0;
  LogBirth birth;
};

/// How much of the files that RocksDB appends to is known to be on the disk.
struct SyncedFiles {
  std::uint64_t manifest_number = 0;  ///< the one that CURRENT names; 0 when that is not known
  std::uint64_t manifest_bytes = 0;
  std::uint64_t commits_ended = 0;  ///< no commit up to this one stands in a log that is not listed
  std::vector<SyncedLog> logs;      ///< by ascending number
};

/// The number in "000012.log"; nullopt for other names.
std::optional<std::uint64_t> ParseLogName(std::string_view name);
std::string LogName(std::uint64_t number);
/// The number in "MANIFEST-000012"; nullopt for other names.
std::optional<std::uint64_t> ParseManifestName(std::string_view name);
std::string ManifestName(std::uint64_t number);

/// At most so many logs are listed, the oldest ones; the bytes then.
inline constexpr std::size_t kSyncedLogsMax = 1600;
inline constexpr std::size_t kSyncedFilesBytesMax = std::size_t{64} << 10U;

/// The list as docs/FORMATS.md describes it. `turn` tells which of two lists is the newer one.
std::string EncodeSyncedFiles(const SyncedFiles& files, std::uint64_t turn);
/// Returns false when the bytes do not begin with a sound list.
bool DecodeSyncedFiles(std::string_view bytes, SyncedFiles* files, std::uint64_t* turn);

}  // namespace dashi::storage
