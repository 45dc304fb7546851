#include "storage/rocksdb_store.h"

#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

#include "base/status.h"
#include "storage/rocksdb_backup.h"
#include "storage/rocksdb_bulk_load.h"
#include "storage/rocksdb_check.h"
#include "storage/rocksdb_delta_embeddings.h"
#include "storage/rocksdb_embeddings.h"
#include "storage/rocksdb_figures.h"
#include "storage/rocksdb_follower.h"
#include "storage/rocksdb_index_build.h"
#include "storage/rocksdb_open.h"
#include "storage/rocksdb_recovery.h"
#include "storage/rocksdb_transaction.h"
#include "storage/rocksdb_weights.h"

namespace dashi::storage {

Result<std::unique_ptr<Store>> Store::Open(const std::string& directory,
                                           const StoreOptions& options) {
  if (options.follow && !options.read_only) {
    return Status::InvalidArgument("following a writer is for databases opened for reading only");
  }
  auto state = std::make_unique<RocksdbStoreState>(directory, options);
  DASHI_ASSIGN_OR_RETURN(const DirectoryState found, InspectDirectory(state->paths));
  if (found != DirectoryState::kDatabase && (options.read_only || !options.create_if_missing)) {
    return Status::NotFound(fmt::format("no such database: {}", directory)).WithSqlState("3D000");
  }
  if (options.follow) {
    return RocksdbFollower::Open(directory, options);
  }
  if (options.read_only) {
    DASHI_RETURN_IF_ERROR(OpenForReading(state.get(), nullptr));
    DASHI_RETURN_IF_ERROR(CheckNoPendingLoad(*state));
  } else {
    DASHI_RETURN_IF_ERROR(OpenForWriting(state.get(), found));
  }
  state->memory.SetCache(
      [engine = state->engine.get()](std::uint64_t bytes) { engine->ResizeCache(bytes); });
  return std::unique_ptr<Store>(std::make_unique<RocksdbStore>(std::move(state)));
}

std::uint64_t HashText(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

Status RocksdbStore::CheckWritable() {
  if (read_only()) {
    return Status::FailedPrecondition(
               fmt::format("the database is open for reading only: {}", directory()))
        .WithSqlState("25006");
  }
  return FinishUnfinishedLoad(state_.get());
}

std::vector<MemoryUsageRow> RocksdbStore::MemoryUsage() const {
  return ListMemoryUsage(state_->memory, state_->engine->CacheBytes(),
                         state_->engine->MemtableBytes());
}

std::vector<StorageFigure> RocksdbStore::Figures() const {
  std::vector<StorageFigure> figures = CacheFigures(state_->engine->cache());
  const std::vector<StorageFigure> more = DatabaseFigures(*state_->engine->db());
  figures.insert(figures.end(), more.begin(), more.end());
  return figures;
}

Result<std::shared_ptr<const View>> RocksdbStore::NewSnapshot() {
  return std::shared_ptr<const View>(
      std::make_shared<RocksdbSnapshotView>(*state_, state_->TakePicture()));
}

Result<std::unique_ptr<Transaction>> RocksdbStore::Begin() {
  const Status writable = CheckWritable();
  if (read_only()) {
    return writable;
  }
  writable.IgnoreError("the transaction may only read; its commit fails otherwise");
  return std::unique_ptr<Transaction>(RocksdbTransaction::Begin(state_.get()));
}

Result<std::unique_ptr<BulkLoad>> RocksdbStore::BeginRowLoad(EntityKind kind,
                                                             DuplicatePolicy policy) {
  DASHI_RETURN_IF_ERROR(CheckWritable());
  return BeginRocksdbRowLoad(state_.get(), kind, policy);
}

Result<std::unique_ptr<BulkLoad>> RocksdbStore::BeginRelevanceLoad(DuplicatePolicy policy) {
  DASHI_RETURN_IF_ERROR(CheckWritable());
  return BeginRocksdbRelevanceLoad(state_.get(), policy);
}

Result<std::unique_ptr<BulkLoad>> RocksdbStore::BeginEdgeLoad(const GraphRecord& graph,
                                                              DuplicatePolicy policy) {
  DASHI_RETURN_IF_ERROR(CheckWritable());
  return BeginRocksdbEdgeLoad(state_.get(), graph, policy);
}

Result<std::unique_ptr<BulkLoad>> RocksdbStore::BeginClickLoad(const GraphRecord& graph) {
  DASHI_RETURN_IF_ERROR(CheckWritable());
  return BeginRocksdbClickLoad(state_.get(), graph);
}

Result<bool> RocksdbStore::StepIndexWork() {
  DASHI_RETURN_IF_ERROR(CheckWritable());
  return storage::StepIndexWork(state_.get());
}

Result<bool> RocksdbStore::HasIndexWork() const {
  return read_only() ? Result<bool>(false) : storage::HasIndexWork(*state_);
}

Status RocksdbStore::PutWeights(std::string_view name, std::string_view bytes) {
  DASHI_RETURN_IF_ERROR(CheckWritable());
  return PutRocksdbWeights(state_.get(), name, bytes);
}

Status RocksdbStore::DeleteWeights(std::string_view name) {
  DASHI_RETURN_IF_ERROR(CheckWritable());
  return DeleteRocksdbWeights(state_.get(), name);
}

Result<std::unique_ptr<EmbeddingWriter>> RocksdbStore::NewEmbeddingVersion(std::uint64_t version,
                                                                           std::uint32_t dim) {
  DASHI_RETURN_IF_ERROR(CheckWritable());
  return NewRocksdbEmbeddingWriter(state_.get(), version, dim);
}

Status RocksdbStore::DropEmbeddingVersion(std::uint64_t version) {
  DASHI_RETURN_IF_ERROR(CheckWritable());
  return DropRocksdbEmbeddings(state_.get(), version);
}

Status RocksdbStore::PutDeltaEmbeddings(std::uint64_t version, EntityKind kind,
                                        std::span<const DeltaEmbedding> embeddings) {
  DASHI_RETURN_IF_ERROR(CheckWritable());
  return PutRocksdbDeltaEmbeddings(state_.get(), version, kind, embeddings);
}

Status RocksdbStore::RemoveDeltaEmbeddings(std::uint64_t version, EntityKind kind,
                                           std::span<const Ordinal> ordinals) {
  DASHI_RETURN_IF_ERROR(CheckWritable());
  return RemoveRocksdbDeltaEmbeddings(state_.get(), version, kind, ordinals);
}

Result<BackupSummary> RocksdbStore::Backup(const std::string& backup_directory,
                                           const BackupOptions& options, TaskMonitor& monitor) {
  DASHI_RETURN_IF_ERROR(CheckWritable());
  return BackupRocksdbStore(state_.get(), backup_directory, options, &monitor);
}

Result<CheckReport> RocksdbStore::Check(TaskMonitor& monitor) {
  return CheckRocksdbStore(state_.get(), &monitor);
}

}  // namespace dashi::storage
