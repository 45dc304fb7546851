#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include <rocksdb/cache.h>

#include "base/mutex.h"
#include "storage/rocksdb_store_state.h"
#include "storage/store.h"

namespace dashi::storage {

/// A store that reads a database which another process writes, and follows it: a new view looks
/// whether anything was committed, and if so opens the database once more for reading. Views that
/// exist keep the instance that they were given, which rests. What is shown is always whole: while
/// a load is half applied, the state from before it.
///
/// RocksDB has secondary instances for this, which catch up in place. In 7.8 they read freed memory
/// when a value stands in a blob file, fail at the first table of a family that is newer than
/// themselves, and have no snapshots.
///
/// When opening is slow, it does not follow each commit: for at least four times as long as the
/// last opening took, statements see what it showed. Nor does a statement wait for another's
/// opening.
///
/// Errors:  NewSnapshot returns what keeps it from following: an old state is not shown for long in
///          silence.
/// Threads: all methods may be called at once.
class RocksdbFollower : public Store {
 public:
  /// Opens an instance that shows the latest commits.
  ///
  /// Errors: as Store::Open.
  static Result<std::unique_ptr<Store>> Open(const std::string& directory,
                                             const StoreOptions& options);
  ~RocksdbFollower() override;

  Result<std::shared_ptr<const View>> NewSnapshot() override DASHI_EXCLUDES(mutex_);

  Result<std::unique_ptr<Transaction>> Begin() override;
  Result<std::unique_ptr<BulkLoad>> BeginRowLoad(EntityKind kind, DuplicatePolicy policy) override;
  Result<std::unique_ptr<BulkLoad>> BeginRelevanceLoad(DuplicatePolicy policy) override;
  Result<std::unique_ptr<BulkLoad>> BeginEdgeLoad(const GraphRecord& graph,
                                                  DuplicatePolicy policy) override;
  Result<std::unique_ptr<BulkLoad>> BeginClickLoad(const GraphRecord& graph) override;
  Result<bool> StepIndexWork() override;
  Result<bool> HasIndexWork() const override { return false; }
  Status PutWeights(std::string_view name, std::string_view bytes) override;
  Status DeleteWeights(std::string_view name) override;
  Result<std::unique_ptr<EmbeddingWriter>> NewEmbeddingVersion(std::uint64_t version,
                                                               std::uint32_t dim) override;
  Status DropEmbeddingVersion(std::uint64_t version) override;
  Status PutDeltaEmbeddings(std::uint64_t version, EntityKind kind,
                            std::span<const DeltaEmbedding> embeddings) override;
  Status RemoveDeltaEmbeddings(std::uint64_t version, EntityKind kind,
                               std::span<const Ordinal> ordinals) override;
  /// Checks what is shown now.
  Result<CheckReport> Check(TaskMonitor& monitor) override DASHI_EXCLUDES(mutex_);
  Result<BackupSummary> Backup(const std::string& backup_directory, const BackupOptions& options,
                               TaskMonitor& monitor) override;
  MemoryBudget* memory() override { return &memory_; }
  std::vector<MemoryUsageRow> MemoryUsage() const override;
  /// Those of the block cache, which its instances share.
  std::vector<StorageFigure> Figures() const override;
  const std::string& directory() const override { return paths_.root; }
  const std::string& index_directory() const override { return paths_.index; }
  bool read_only() const override { return true; }
  FileGate& file_gate() override { return *options_.file_gate; }
  Status CheckRoom(std::uint64_t /*bytes*/, std::string_view /*what*/) override {
    return NotWritable();
  }

 private:
  struct Instance;
  class PinnedView;

  RocksdbFollower(const std::string& directory, const StoreOptions& options);
  Status NotWritable() const;
  Result<std::shared_ptr<Instance>> OpenInstance();
  Status Follow() DASHI_REQUIRES(follow_mutex_) DASHI_EXCLUDES(mutex_);

  const StoreOptions options_;
  const DirectoryPaths paths_;
  const std::shared_ptr<rocksdb::Cache> cache_;  // Sharers: the instances.
  MemoryBudget memory_;
  const std::shared_ptr<std::atomic<int>> num_instances_;  // Sharers: the instances.
  Mutex follow_mutex_;  // Taken before mutex_; a thread that finds it taken does not wait.
  std::string shown_stamp_ DASHI_GUARDED_BY(follow_mutex_);
  std::int64_t next_micros_ DASHI_GUARDED_BY(follow_mutex_) = 0;  // not before
  Mutex mutex_;
  std::shared_ptr<Instance> shown_ DASHI_GUARDED_BY(mutex_);  // Sharers: the views on it.
};

}  // namespace dashi::storage
