#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include <rocksdb/write_batch.h>

#include "storage/catalog_codec.h"
#include "storage/change_codec.h"
#include "storage/load_spool.h"
#include "storage/rocksdb_engine.h"

namespace dashi::storage {

/// Turns the blocks of a spool into write batches. Applying a block twice, or a prefix of the
/// blocks and then all, gives the same state: the load's redo depends on it.
///
/// Threads: one thread at a time.
class LoadApplier {
 public:
  LoadApplier(RocksdbEngine* engine, ChangedTable table) : engine_(engine), table_(table) {}

  /// Takes up a block's rows.
  Status AddBlock(std::string_view block);
  /// What was taken up since the last write, in bytes of spool.
  std::uint64_t pending_bytes() const { return pending_bytes_; }
  std::uint64_t num_rows() const { return num_rows_; }
  /// Writes what was taken up, neither logged nor synced: the spool is the log.
  Status WriteUnlogged();
  /// Makes everything written so far durable without a log.
  Status Flush();
  /// Writes what was taken up, the change-log entry and the counters, and removes the load's record
  /// if there is one, in one synced batch.
  Status WriteLast(std::uint64_t commit_sequence);

 private:
  Status AddRow(const SpooledRow& row);
  Status StagePairs();
  Status StageEnd(std::uint64_t commit_sequence);

  RocksdbEngine* const engine_;
  const ChangedTable table_;
  rocksdb::WriteBatch batch_;
  std::vector<SpooledPair> pairs_;
  ChangeSet changes_;
  std::uint64_t pending_bytes_ = 0;
  std::uint64_t num_rows_ = 0;
  std::uint64_t next_ordinal_ = 0;
};

/// Applies the spool file that a load record names, from the beginning, and removes the record.
/// `on_progress` may be empty.
Status ApplySpool(RocksdbEngine* engine, const std::string& spool_path, const LoadRecord& record,
                  const std::function<void(std::uint64_t rows)>& on_progress);

}  // namespace dashi::storage
