#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <rocksdb/cache.h>
#include <rocksdb/utilities/optimistic_transaction_db.h>

#include "base/mutex.h"
#include "dashi/status.h"
#include "storage/key_codec.h"
#include "storage/rocksdb_held_files.h"

namespace dashi::storage {

/// What becomes of a log that cannot be read to its end.
enum class DamagedLogs {
  kRefuse,          ///< the database does not open
  kReadUpToDamage,  ///< what stands behind the damage is dropped
  kPassOver,        ///< what can be read behind it is taken up: no state that ever was
};

struct EngineOptions {
  bool create = false;  ///< make what is missing: the creation was never finished, or not begun
  bool read_only = false;
  DamagedLogs damaged_logs = DamagedLogs::kRefuse;
  std::uint64_t memory_bytes_max = 0;
  /// The block cache; null makes one. Sharers: the engines of a follower.
  std::shared_ptr<rocksdb::Cache> cache;
};

/// RocksDB, opened with the options that dashi needs, and its column families.
///
/// Threads: all methods may be called at once.
class RocksdbEngine {
 public:
  /// Opened for reading only, it shows a state that a writer beside it had while it was opened, and
  /// keeps the files of that state, even those that the writer removes.
  ///
  /// Errors: kUnavailable (55006) when another process holds the directory's lock, or changes files
  ///         faster than they can be opened for reading.
  static Result<std::unique_ptr<RocksdbEngine>> Open(const std::string& data_directory,
                                                     const EngineOptions& options);
  ~RocksdbEngine();
  RocksdbEngine(const RocksdbEngine&) = delete;
  RocksdbEngine& operator=(const RocksdbEngine&) = delete;

  rocksdb::DB* db() const { return db_.get(); }
  /// Null when opened for reading only.
  rocksdb::OptimisticTransactionDB* transactions() const { return transactions_; }
  rocksdb::ColumnFamilyHandle* family(Family family) const { return families_[ToIndex(family)]; }

  /// The column family of an embedding version, or null. Sharers: cursors that outlive a drop.
  std::shared_ptr<rocksdb::ColumnFamilyHandle> EmbeddingFamily(std::uint64_t version) const
      DASHI_EXCLUDES(mutex_);
  std::vector<std::uint64_t> EmbeddingVersions() const DASHI_EXCLUDES(mutex_);
  Result<std::shared_ptr<rocksdb::ColumnFamilyHandle>> CreateEmbeddingFamily(std::uint64_t version)
      DASHI_EXCLUDES(mutex_);
  /// Does nothing when there is no such version.
  Status DropEmbeddingFamily(std::uint64_t version) DASHI_EXCLUDES(mutex_);

  /// Applies a batch; `sync` waits until it is on the disk.
  Status Write(rocksdb::WriteBatch* batch, bool sync, std::string_view doing);
  /// Reads one key at the latest state. Returns false when it is absent.
  Result<bool> Get(Family family, std::string_view key, std::string* value) const;
  /// The log that could not be read to its end, empty when all were.
  std::string unreadable_log() const;

  /// Gives block cache and memtables this many bytes together.
  void ResizeCache(std::uint64_t bytes) { cache_->SetCapacity(bytes); }
  std::uint64_t CacheBytes() const { return cache_->GetUsage(); }
  std::uint64_t MemtableBytes() const;

  /// The database's options for an SST of an embedding family.
  rocksdb::Options EmbeddingFileOptions() const;

 private:
  RocksdbEngine() = default;
  static Result<std::unique_ptr<RocksdbEngine>> OpenOnce(const std::string& data_directory,
                                                         const EngineOptions& options);
  // Takes hold of the files that RocksDB opens late.
  Status HoldLateFiles();
  Result<std::vector<std::string>> ListFamilies(bool create) const;
  Status OpenFamilies(const EngineOptions& options);
  void TakeHandles(const std::vector<rocksdb::ColumnFamilyHandle*>& handles) DASHI_EXCLUDES(mutex_);
  Status CreateMissingFamilies(std::uint64_t memory_bytes_max);
  Status CheckFamilies() const;
  void FlushLargeLog();
  std::shared_ptr<rocksdb::ColumnFamilyHandle> Share(rocksdb::ColumnFamilyHandle* handle);

  std::string directory_;
  std::shared_ptr<rocksdb::Cache> cache_;  // Sharers: all column families and the memtables.
  std::shared_ptr<HeldFiles> held_files_;  // Null when writing. Sharer: env_.
  std::unique_ptr<rocksdb::Env> env_;
  rocksdb::DBOptions db_options_;
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::OptimisticTransactionDB* transactions_ = nullptr;  // db_, when it is writable
  rocksdb::ColumnFamilyHandle* default_family_ = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> unknown_families_;  // of a newer minor format
  std::array<rocksdb::ColumnFamilyHandle*, kNumFamilies> families_{};
  // RocksDB 7.8 races column family creation and drop with each other: one lock around both.
  mutable Mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<rocksdb::ColumnFamilyHandle>> embedding_families_
      DASHI_GUARDED_BY(mutex_);
};

}  // namespace dashi::storage
