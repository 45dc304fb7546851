#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "dashi/status.h"
#include "storage/bulk_load.h"
#include "storage/catalog_codec.h"
#include "storage/change_codec.h"
#include "storage/rocksdb_reader.h"
#include "storage/rocksdb_store_state.h"

namespace dashi::storage {

/// What loads of rows, of pairs and of edges share: the commit, and the place in the queue of
/// loads.
class RocksdbLoad : public BulkLoad {
 public:
  ~RocksdbLoad() override;
  Result<Counts> Commit(
      const std::function<void(std::uint64_t done, std::uint64_t total)>& on_progress) override;

 protected:
  RocksdbLoad(RocksdbStoreState* state, ChangedTable table, DuplicatePolicy policy);

  Status CheckOpen() const;
  /// Fails when a transaction committed since the load began touches what the load touches.
  virtual Status CheckConflicts() const = 0;
  /// The memory of what the load remembers of its rows, with room for the tables to grow.
  virtual std::uint64_t RememberedBytes() const = 0;
  /// The rows as one block, when they are few and none has gone to a file. Null otherwise.
  virtual const std::string* FewRows() = 0;
  /// Makes the rows durable in files and names those in the record.
  virtual Status FinishFiles(LoadRecord* record) = 0;
  /// The files belong to the record from now on.
  virtual void KeepFiles() = 0;

  /// Reserves what RememberedBytes says.
  Status ReserveMemory() { return memory_.Resize(RememberedBytes()); }
  void EndRow() { ++num_rows_; }
  /// Calls `visit` with each run of the change log since the load's picture.
  Status ForEachChange(const std::function<Status(const ChangeRun&)>& visit) const;

  RocksdbStoreState* const state_;
  const ChangedTable table_;
  const DuplicatePolicy policy_;
  const RocksdbReader reader_;  // the database as it was when the load began
  Counts counts_;

 private:
  using Progress = std::function<void(std::uint64_t, std::uint64_t)>;
  static Picture NewPicture(RocksdbStoreState* state);
  Status ApplyAtOnce(const std::string& block, std::uint64_t commit_sequence,
                     const Progress& on_progress);
  Status ApplyRecorded(LoadRecord record, const Progress& on_progress);

  MemoryLease memory_;
  std::uint64_t num_rows_ = 0;
  bool over_ = false;
};

/// The error of a load that a transaction's commit came before.
Status LoadConflict(std::string_view what);

}  // namespace dashi::storage
