#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <rocksdb/write_batch.h>

#include "storage/catalog_codec.h"
#include "storage/change_codec.h"
#include "storage/load_spool.h"
#include "storage/rocksdb_store_state.h"

namespace dashi::storage {

/// Turns blocks of spooled rows into write batches. Applying a block twice, or a prefix of the
/// blocks and then all, gives the same state: the load's redo depends on it.
///
/// Threads: one thread at a time.
class LoadApplier {
 public:
  /// Callers write a chunk when this much of spool is pending.
  static constexpr std::uint64_t kChunkBytes = std::uint64_t{4} << 20;

  /// The load holds the gate alone, so the table's schema does not change.
  LoadApplier(const RocksdbStoreState& state, ChangedTable table);

  /// Takes up a block's rows.
  Status AddBlock(std::string_view block);
  /// Takes up that `count` rows from `first` on were inserted, which are in the database already.
  void AddInserted(std::uint32_t first, std::uint32_t count);
  /// Takes up that edges of a graph were changed, and the load's marker with them, which are in the
  /// database already.
  void AddGraph(std::uint32_t graph, std::uint64_t marker);
  /// What was taken up since the last write, in bytes of spool.
  std::uint64_t pending_bytes() const { return pending_bytes_; }
  std::uint64_t num_rows() const { return num_rows_; }
  /// Writes what was taken up, not synced. It is not logged either, since the spool is the log,
  /// unless the table has indexes: whoever begins again finds out from the stored row which entries
  /// a row replaces, so the log has to keep rows and entries together.
  Status WriteChunk();
  /// Makes everything durable that was written without a log.
  Status Flush();
  /// Writes what was taken up, the change-log entry and the counters, and removes the load's record
  /// if there is one, in one synced batch.
  Status WriteLast(std::uint64_t commit_sequence);

 private:
  Status AddRow(const SpooledRow& row);
  Status AddIndexEntries(EntityKind kind, const SpooledRow& row);
  bool has_indexes() const { return schema_ != nullptr && !schema_->indexes.empty(); }
  Status AddList(std::string_view* block);
  Status StagePairs();
  Status StageEnd(std::uint64_t commit_sequence);

  RocksdbEngine* const engine_;
  const ChangedTable table_;
  const std::shared_ptr<const SchemaRecord> schema_;         // Sharers: the state. Null for pairs.
  std::unordered_map<std::uint32_t, EntityRow> batch_rows_;  // in batch_, without texts; if indexed
  rocksdb::WriteBatch batch_;
  std::vector<SpooledPair> pairs_;
  ChangeSet changes_;
  std::uint64_t pending_bytes_ = 0;
  std::uint64_t num_rows_ = 0;
  std::uint64_t next_ordinal_ = 0;
  std::uint64_t marker_ = 0;
};

/// Whether the files of a load were written by this process just now, or found again after it may
/// have ended in between: then their checksums are compared.
enum class LoadFiles { kJustWritten, kFoundAgain };

/// Writes the record of a load, synced.
Status WriteLoadRecord(const RocksdbStoreState& state, const LoadRecord& record);

/// Brings the rows of a recorded load into the database, whatever an earlier attempt did of it, and
/// removes the record. Called with the gate held alone, or before anything else runs.
/// `on_progress` may be empty.
///
/// Errors: kCorruption (XX001) naming a file that is gone or not as it was written; those of
/// writing.
Status ApplyLoad(RocksdbStoreState* state, const LoadRecord& record, LoadFiles files,
                 const std::function<void(std::uint64_t rows)>& on_progress);

/// Removes the files of a load that was applied or taken back.
void RemoveLoadFiles(RocksdbStoreState& state, const LoadRecord& record);
/// Removes one file in the tmp folder, if it is there.
void RemoveLoadFile(RocksdbStoreState& state, const std::string& name);

}  // namespace dashi::storage
