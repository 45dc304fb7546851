#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/utilities/optimistic_transaction_db.h>

#include "base/mutex.h"
#include "dashi/status.h"
#include "storage/commit_gate.h"
#include "storage/disk_watch.h"
#include "storage/key_codec.h"
#include "storage/rocksdb_held_files.h"
#include "storage/rocksdb_write_watch.h"

namespace dashi::storage {

/// What becomes of a log that cannot be read to its end.
enum class DamagedLogs {
  kRefuse,          ///< the database does not open
  kReadUpToDamage,  ///< what stands behind the damage is dropped
  kPassOver,        ///< what can be read behind it is taken up: no state that ever was
};

/// Sorted files for one column family.
struct FamilyFiles {
  Family family{};
  std::vector<std::string> paths;
  std::vector<std::uint32_t> crc32cs;  ///< of each whole file, as RocksDB recorded them
};

/// Column families by the number of their embedding version. Sharers of a family: whoever reads it,
/// also after it was dropped.
using EmbeddingFamilies = std::map<std::uint64_t, std::shared_ptr<rocksdb::ColumnFamilyHandle>>;

struct EngineOptions {
  bool create = false;  ///< make what is missing: the creation was never finished, or not begun
  bool read_only = false;
  /// Show what stands in tables alone, which is quick; read-only. The logs are not looked at.
  bool without_logs = false;
  DamagedLogs damaged_logs = DamagedLogs::kRefuse;
  std::uint64_t memory_bytes_max = 0;
  /// The block cache; null makes one. Sharers: the engines of a follower.
  std::shared_ptr<rocksdb::Cache> cache = nullptr;
  /// What all changes of files go through; outlives the engine. Null makes one.
  DiskWatch* disk = nullptr;
  /// Is told what the engine is told, and after it. May be null.
  std::shared_ptr<rocksdb::EventListener> listener = nullptr;  // Sharer: RocksDB.
};

/// RocksDB, opened with the options that dashi needs, and its column families.
///
/// When the disk is full RocksDB stops writing, and the calls that write fail with 53100. The first
/// of them that finds room again makes it write again. Any other error of writing, and any failed
/// sync, stops writing until the next open. Reads go on in either case.
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

  /// The column families of the embedding versions that there are now. Sharers: views, which read
  /// those that are dropped after them.
  std::shared_ptr<const EmbeddingFamilies> AllEmbeddingFamilies() const
      DASHI_EXCLUDES(families_mutex_);
  /// The column family of an embedding version, or null. Sharers: cursors that outlive a drop.
  std::shared_ptr<rocksdb::ColumnFamilyHandle> EmbeddingFamily(std::uint64_t version) const
      DASHI_EXCLUDES(families_mutex_);
  std::vector<std::uint64_t> EmbeddingVersions() const DASHI_EXCLUDES(families_mutex_);
  Result<std::shared_ptr<rocksdb::ColumnFamilyHandle>> CreateEmbeddingFamily(std::uint64_t version)
      DASHI_EXCLUDES(mutex_);
  /// Does nothing when there is no such version.
  Status DropEmbeddingFamily(std::uint64_t version) DASHI_EXCLUDES(mutex_);

  /// Applies a batch; `sync` waits until it is on the disk.
  Status Write(rocksdb::WriteBatch* batch, bool sync, std::string_view doing);
  /// Applies a batch that no log holds: it is lost in a crash unless Flush comes first.
  Status WriteUnlogged(rocksdb::WriteBatch* batch, std::string_view doing);
  /// Sets `*engine_sequence` to RocksDB's number of the transaction's last change, or one before it
  /// when others write at the same time.
  Status Commit(rocksdb::Transaction* transaction, std::uint64_t* engine_sequence);
  /// Makes everything written to the families so far durable without a log.
  Status Flush(std::span<rocksdb::ColumnFamilyHandle* const> families, std::string_view doing);
  /// Puts sorted files into an embedding family. The files may be gone then.
  Status Ingest(rocksdb::ColumnFamilyHandle* family, const std::vector<std::string>& files);
  /// Puts sorted files into families that take other writes too: all or none of them, durably. The
  /// files may be gone then. Nobody writes to the families meanwhile. The checksums are taken on
  /// trust.
  ///
  /// Errors: kFailedPrecondition when ingests_in_order() does not hold.
  Status IngestTogether(std::span<const FamilyFiles> files, std::string_view doing);
  /// Whether ingested rows count as newer than what was written before. Not so once RocksDB 7.8 has
  /// recovered from a full disk, until the next open.
  bool ingests_in_order() const { return !resumed_; }
  /// Reads one key at the latest state. Returns false when it is absent.
  Result<bool> Get(Family family, std::string_view key, std::string* value) const;
  /// Logs with lower numbers are not needed, and may be gone.
  std::uint64_t OldestLogNeeded() const;
  /// The log that could not be read to its end, empty when all were.
  std::string unreadable_log() const;

  /// Gives block cache and memtables this many bytes together.
  void ResizeCache(std::uint64_t bytes) { cache_->SetCapacity(bytes); }
  std::uint64_t CacheBytes() const { return cache_->GetUsage(); }
  std::uint64_t MemtableBytes() const;
  const rocksdb::Cache& cache() const { return *cache_; }

  /// The database's options for an SST of an embedding family.
  rocksdb::Options EmbeddingFileOptions() const;
  /// And of another family, compressed for speed on whatever level it ends.
  rocksdb::Options FamilyFileOptions(Family family) const;

 private:
  RocksdbEngine() = default;
  static Result<std::unique_ptr<RocksdbEngine>> OpenOnce(const std::string& data_directory,
                                                         const EngineOptions& options);
  // Takes hold of the files that RocksDB opens late.
  Status HoldLateFiles();
  Result<std::vector<std::string>> ListFamilies(bool create) const;
  Status OpenFamilies(const EngineOptions& options);
  void TakeHandles(const std::vector<rocksdb::ColumnFamilyHandle*>& handles);
  void SetEmbeddingFamilies(std::shared_ptr<const EmbeddingFamilies> families)
      DASHI_EXCLUDES(families_mutex_);
  Status CreateMissingFamilies(std::uint64_t memory_bytes_max);
  Status CheckFamilies() const;
  struct LogSizes {
    std::uint64_t bytes = 0;
    int num_files = 0;
  };
  LogSizes SizesOfLogs() const;
  std::vector<rocksdb::ColumnFamilyHandle*> LoggedFamilies() const;
  void FlushLargeLog();
  // Runs `write` while no recovery runs, after one if the disk was full and has room again.
  Status WhileWriting(std::string_view doing, const std::function<rocksdb::Status()>& write);
  Status ResumeWriting();
  Status TryToResume();
  rocksdb::Status ResumeRocksdb();
  void WaitForPendingFlushes();
  void StopWriting(bool in_compaction, const std::function<void()>& note);
  Status CheckNewLog();
  rocksdb::Status KeepDefaultFilled();
  bool IsFromBefore(const rocksdb::Status& written) const;
  bool AreFlushed(std::span<rocksdb::ColumnFamilyHandle* const> families) const;
  Status CopyIn(rocksdb::ColumnFamilyHandle* family, const std::string& file);
  std::shared_ptr<rocksdb::ColumnFamilyHandle> Share(rocksdb::ColumnFamilyHandle* handle);

  std::string directory_;
  std::uint64_t memory_bytes_max_ = 0;
  std::shared_ptr<rocksdb::Cache> cache_;  // Sharers: all column families and the memtables.
  std::shared_ptr<HeldFiles> held_files_;  // Null when writing. Sharer: env_.
  std::unique_ptr<DiskWatch> own_disk_;
  DiskWatch* disk_ = nullptr;
  std::shared_ptr<WriteWatch> watch_ = std::make_shared<WriteWatch>();  // Sharer: RocksDB.
  CommitGate write_gate_;  // Writers together, or a recovery alone.
  std::atomic<bool> resumed_ = false;
  std::atomic<bool> resuming_ = false;
  std::thread resumer_;  // only touched alone inside write_gate_, and at the end
  std::unique_ptr<rocksdb::Env> env_;
  rocksdb::DBOptions db_options_;
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::OptimisticTransactionDB* transactions_ = nullptr;  // db_, when it is writable
  rocksdb::ColumnFamilyHandle* default_family_ = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> unknown_families_;  // of a newer minor format
  std::array<rocksdb::ColumnFamilyHandle*, kNumFamilies> families_{};
  // RocksDB 7.8 races column family creation and drop with each other: one lock around both.
  Mutex mutex_;
  // Held for moments alone, since every view takes it; after mutex_.
  mutable Mutex families_mutex_;
  // Never null; replaced whole. Sharers: see AllEmbeddingFamilies.
  std::shared_ptr<const EmbeddingFamilies> embedding_families_ DASHI_GUARDED_BY(families_mutex_) =
      std::make_shared<EmbeddingFamilies>();
};

}  // namespace dashi::storage
