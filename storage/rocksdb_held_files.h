#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <rocksdb/file_system.h>

#include "base/mutex.h"
#include "dashi/status.h"

namespace dashi::storage {

/// A file system for reading a database that another process writes: files that were taken hold of
/// can be opened even after the writer has removed them.
///
/// RocksDB opens tables when it opens the database, and keeps them; blob files it opens when a
/// value is asked for, which may be long after the writer has moved the values and removed the
/// file.
///
/// Threads: all methods may be called at once.
class HeldFiles : public rocksdb::FileSystemWrapper {
 public:
  explicit HeldFiles(const std::shared_ptr<rocksdb::FileSystem>& target);
  ~HeldFiles() override;
  const char* Name() const override { return "HeldFiles"; }

  /// Holds these files and lets go of all others. The files stay on the disk meanwhile.
  ///
  /// Errors: kNotFound when one is gone already.
  Status Hold(const std::vector<std::string>& paths) DASHI_EXCLUDES(mutex_);

  rocksdb::IOStatus NewRandomAccessFile(const std::string& path,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* context) override;
  rocksdb::IOStatus GetFileSize(const std::string& path, const rocksdb::IOOptions& options,
                                std::uint64_t* size, rocksdb::IODebugContext* context) override;

 private:
  // Where a held file can be opened again, or the path itself.
  std::string PlaceOf(const std::string& path) const DASHI_EXCLUDES(mutex_);

  mutable Mutex mutex_;
  std::map<std::string, int> files_ DASHI_GUARDED_BY(mutex_);
};

}  // namespace dashi::storage
