#pragma once

#include <memory>
#include <string>

#include "storage/rocksdb_store_state.h"
#include "storage/store.h"

namespace dashi::storage {

/// The one implementation of Store.
class RocksdbStore : public Store {
 public:
  explicit RocksdbStore(std::unique_ptr<RocksdbStoreState> state) : state_(std::move(state)) {}

  Result<std::shared_ptr<const View>> NewSnapshot() override;
  Result<std::unique_ptr<Transaction>> Begin() override;
  Result<std::unique_ptr<BulkLoad>> BeginRowLoad(EntityKind kind, DuplicatePolicy policy) override;
  Result<std::unique_ptr<BulkLoad>> BeginRelevanceLoad(DuplicatePolicy policy) override;
  Result<std::unique_ptr<BulkLoad>> BeginEdgeLoad(const GraphRecord& graph,
                                                  DuplicatePolicy policy) override;
  Result<std::unique_ptr<BulkLoad>> BeginClickLoad(const GraphRecord& graph) override;
  Result<bool> StepIndexWork() override;
  Result<bool> HasIndexWork() const override;
  Status PutWeights(std::string_view name, std::string_view bytes) override;
  Status DeleteWeights(std::string_view name) override;
  Result<std::unique_ptr<EmbeddingWriter>> NewEmbeddingVersion(std::uint64_t version,
                                                               std::uint32_t dim) override;
  Status DropEmbeddingVersion(std::uint64_t version) override;
  Status PutDeltaEmbeddings(std::uint64_t version, EntityKind kind,
                            std::span<const DeltaEmbedding> embeddings) override;
  Status RemoveDeltaEmbeddings(std::uint64_t version, EntityKind kind,
                               std::span<const Ordinal> ordinals) override;
  MemoryBudget* memory() override { return &state_->memory; }
  std::vector<MemoryUsageRow> MemoryUsage() const override;
  std::vector<StorageFigure> Figures() const override;
  Result<CheckReport> Check(TaskMonitor& monitor) override;
  Result<BackupSummary> Backup(const std::string& backup_directory, const BackupOptions& options,
                               TaskMonitor& monitor) override;
  const std::string& directory() const override { return state_->paths.root; }
  const std::string& index_directory() const override { return state_->paths.index; }
  bool read_only() const override { return state_->options.read_only; }
  FileGate& file_gate() override { return state_->disk; }
  Status CheckRoom(std::uint64_t bytes, std::string_view what) override {
    return state_->disk.CheckRoom(bytes, what);
  }

 private:
  Status CheckWritable();

  std::unique_ptr<RocksdbStoreState> state_;
};

}  // namespace dashi::storage
