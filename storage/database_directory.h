#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/file.h"
#include "dashi/status.h"

namespace dashi::storage {

/// The format of the files that this program writes. A newer minor only adds what older programs
/// may ignore; a newer major is refused.
struct FormatVersion {
  std::uint32_t major = 1;
  std::uint32_t minor = 0;
  friend bool operator==(const FormatVersion&, const FormatVersion&) = default;
};
inline constexpr FormatVersion kFormatVersion{1, 0};

/// Where things are inside a database directory.
struct DirectoryPaths {
  explicit DirectoryPaths(const std::string& directory);

  std::string root;
  std::string marker;  ///< root/DASHI: says that this is a database, and of which format
  std::string data;    ///< root/data: RocksDB's files
  std::string index;   ///< root/index: index files, named by release records
  std::string tmp;     ///< root/tmp: files of loads and SSTs being written; emptied at open
  /// root/DASHI.restoring: the marker while a restore goes on, which is no database yet.
  std::string unfinished_restore;
  std::string watermark;  ///< root/commit.watermark: what is known to be on the disk
};

enum class DirectoryState {
  kAbsent,      ///< nothing there, or an empty directory
  kUnfinished,  ///< a creation that was cut off before anything could be acknowledged
  kDatabase,
};

/// Looks at a directory without changing it.
///
/// Errors: kInvalidArgument (22023) when it holds something else, naming what is missing;
///         kUnimplemented (0A000) for a newer major format; kCorruption for a damaged marker or
///         when RocksDB's CURRENT file is gone; kIoError.
Result<DirectoryState> InspectDirectory(const DirectoryPaths& paths);

/// Makes the directory, those above it that are missing, and its folders, durably.
Status CreateFolders(const DirectoryPaths& paths, FileGate& gate = FileGate::System());
/// Writes the marker, the last step of a creation, durably.
Status WriteMarker(const DirectoryPaths& paths, FileGate& gate = FileGate::System());

/// Checks a format that was read from a database. Errors: kUnimplemented (0A000) naming both.
Status CheckFormat(FormatVersion found);
/// The value of the key `format` in `meta`.
std::string EncodeFormat(FormatVersion version);
bool DecodeFormat(std::string_view bytes, FormatVersion* version);

}  // namespace dashi::storage
