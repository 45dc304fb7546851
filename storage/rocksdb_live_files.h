#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <rocksdb/db.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/metadata.h>

#include "dashi/status.h"

namespace dashi::storage {

/// The files of RocksDB that make up the database at one moment, kept from being deleted while this
/// exists.
///
/// Threads: one thread at a time; several may exist.
class LiveFiles {
 public:
  /// Nothing is flushed: what stands in the log stays there, and the log is among the files.
  static Result<std::unique_ptr<LiveFiles>> Hold(rocksdb::DB* db, bool read_only);
  ~LiveFiles();
  LiveFiles(const LiveFiles&) = delete;
  LiveFiles& operator=(const LiveFiles&) = delete;

  const std::vector<rocksdb::LiveFileStorageInfo>& files() const { return files_; }

 private:
  LiveFiles(rocksdb::DB* db, bool read_only) : db_(db), read_only_(read_only) {}

  rocksdb::DB* const db_;
  const bool read_only_;  // then nothing deletes files
  std::vector<rocksdb::LiveFileStorageInfo> files_;
};

/// Whether the file is an SST or a blob file, which never change.
bool IsTableFile(const rocksdb::LiveFileStorageInfo& file);
/// Whether RocksDB recorded a CRC-32C of the whole file.
bool HasRecordedChecksum(const rocksdb::LiveFileStorageInfo& file);
/// Takes the checksum that RocksDB would record of a file.
std::unique_ptr<rocksdb::FileChecksumGenerator> NewRecordedChecksum();

}  // namespace dashi::storage
