#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "storage/backup_manifest.h"
#include "storage/file_copy.h"

namespace dashi::storage {

/// A folder of backups. Files stand in it once, under names made of their checksums, whatever
/// backups need them; docs/FORMATS.md describes it.
///
/// Threads: one thread at a time; one process at a time changes it, which a lock makes sure of.
class BackupDirectory {
 public:
  /// Opens it to add or delete backups, and makes it when there is none. What an earlier backup
  /// that was cut off left behind is removed.
  ///
  /// Errors: kInvalidArgument (22023) when the folder holds something else; kUnimplemented (0A000)
  ///         for a newer format; kUnavailable (55006) while somebody else changes or reads it.
  static Result<std::unique_ptr<BackupDirectory>> OpenToChange(const std::string& path);
  /// Opens it to read, as many may, also where nothing can be written. Nothing is changed, but that
  /// the lock is made anew when it is missing and can be made.
  ///
  /// Errors: kNotFound when there are no backups; kUnavailable (55006) while somebody changes it.
  static Result<std::unique_ptr<BackupDirectory>> OpenToRead(const std::string& path);

  /// The manifests that can be read, by number.
  const std::map<std::uint64_t, BackupManifest>& manifests() const { return manifests_; }
  /// Those that cannot: number and why.
  const std::map<std::uint64_t, std::string>& damaged() const { return damaged_; }
  std::uint64_t next_number() const;

  /// Where a file's bytes stand.
  std::string PathOf(std::uint64_t size, const FileChecksum& checksum) const;
  /// Where a file is written before its checksum is known.
  std::string TemporaryPath() const;
  /// Gives a file written to TemporaryPath its place. One that stands there already is replaced:
  /// the new bytes are known to be good.
  Status Adopt(std::uint64_t size, const FileChecksum& checksum) const;

  /// Makes a backup exist, whose files have all been adopted.
  Status Add(const BackupManifest& manifest);
  /// Deletes all but the newest `keep` backups and the files that none of the rest needs. Returns
  /// how many there were.
  Result<std::uint64_t> DeleteAllBut(std::uint32_t keep);
  /// Removes files that no backup needs. While a manifest cannot be read all are kept, for it may
  /// need any.
  Status RemoveUnneeded() const;

 private:
  BackupDirectory(std::string path, OpenFile lock);
  static Result<std::unique_ptr<BackupDirectory>> Lock(const std::string& path, bool alone);
  Status ReadManifests();

  const std::string path_;
  const OpenFile lock_;
  std::map<std::uint64_t, BackupManifest> manifests_;
  std::map<std::uint64_t, std::string> damaged_;
};

}  // namespace dashi::storage
