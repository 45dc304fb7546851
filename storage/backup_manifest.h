#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/file_checksum.h"

namespace dashi::storage {

/// A file of a backed up database.
struct BackupFile {
  std::string path;  ///< inside the database's directory
  std::uint64_t size = 0;
  FileChecksum checksum;
  /// What the database itself says of the file's bytes, in hexadecimal: with path and size it tells
  /// whether an earlier backup holds the same file. Empty when it says nothing.
  std::string identity;
};

/// One backup: which files make up the database, and where it stood.
struct BackupManifest {
  std::uint64_t number = 0;
  std::int64_t created_at_micros = 0;
  std::uint64_t commit_sequence = 0;
  std::uint64_t engine_sequence = 0;  ///< RocksDB's, for the watermark of the restored database
  std::string database;               ///< RocksDB's identity of the database
  std::vector<BackupFile> files;
};

/// docs/FORMATS.md describes each byte.
std::string EncodeBackupManifest(const BackupManifest& manifest);
/// Returns false for anything that Encode did not write, and for paths that lead out of the
/// database's directory.
bool DecodeBackupManifest(std::string_view bytes, BackupManifest* manifest);

}  // namespace dashi::storage
