#include "storage/rocksdb_live_files.h"

#include <limits>

#include "base/logging.h"
#include "base/status.h"
#include "storage/rocksdb_status.h"

namespace dashi::storage {

Result<std::unique_ptr<LiveFiles>> LiveFiles::Hold(rocksdb::DB* db, bool read_only) {
  if (!read_only) {
    DASHI_RETURN_IF_ERROR(FromRocksdb(db->DisableFileDeletions(), "holding the database's files"));
  }
  std::unique_ptr<LiveFiles> live(new LiveFiles(db, read_only));
  rocksdb::LiveFilesStorageInfoOptions options;
  options.include_checksum_info = true;
  options.wal_size_for_flush = std::numeric_limits<std::uint64_t>::max();
  DASHI_RETURN_IF_ERROR(FromRocksdb(db->GetLiveFilesStorageInfo(options, &live->files_),
                                    "listing the database's files"));
  return live;
}

LiveFiles::~LiveFiles() {
  if (read_only_) {
    return;
  }
  const rocksdb::Status enabled = db_->EnableFileDeletions(/*force=*/false);
  if (!enabled.ok()) {
    LogWarning("files that are not needed any more stay until the next open: {}",
               enabled.ToString());
  }
}

bool IsTableFile(const rocksdb::LiveFileStorageInfo& file) {
  return file.file_type == rocksdb::kTableFile || file.file_type == rocksdb::kBlobFile;
}

bool HasRecordedChecksum(const rocksdb::LiveFileStorageInfo& file) {
  return file.file_checksum_func_name == rocksdb::kStandardDbFileChecksumFuncName;
}

std::unique_ptr<rocksdb::FileChecksumGenerator> NewRecordedChecksum() {
  rocksdb::FileChecksumGenContext context;
  context.requested_checksum_func_name = rocksdb::kStandardDbFileChecksumFuncName;
  return rocksdb::GetFileChecksumGenCrc32cFactory()->CreateFileChecksumGenerator(context);
}

}  // namespace dashi::storage
