#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <rocksdb/snapshot.h>
#include <rocksdb/utilities/transaction.h>

#include "base/clock.h"
#include "base/mutex.h"
#include "storage/catalog_codec.h"
#include "storage/commit_gate.h"
#include "storage/database_directory.h"
#include "storage/disk_watch.h"
#include "storage/growing_files.h"
#include "storage/rocksdb_engine.h"
#include "storage/rocksdb_watermark.h"
#include "storage/schema_codec.h"
#include "storage/store.h"

namespace dashi::storage {

/// A state of the database that reads go to.
struct Picture {
  /// Null in a database that is open for reading only, where nothing changes.
  std::shared_ptr<const rocksdb::Snapshot> snapshot;
  std::uint64_t commit_sequence = 0;
  /// The embedding versions that a release of the picture may have, which stay readable when they
  /// are dropped. Null in a database that is open for reading only. Sharers: the pictures since a
  /// version came or went.
  std::shared_ptr<const EmbeddingFamilies> embedding_families = nullptr;
};

/// A load that ended in an error which leaves something to do.
struct UnfinishedLoad {
  LoadRecord record;
  /// The record is in the log, and the load must be applied; else the record might be in the log,
  /// and must be taken back before its spool may go.
  bool committed = false;
  Status why;
};

/// What the store, its transactions and its loads share.
///
/// Threads: all methods may be called at once.
class RocksdbStoreState {
 public:
  RocksdbStoreState(const std::string& directory, const StoreOptions& store_options);

  const StoreOptions options;
  const DirectoryPaths paths;
  GrowingFiles growing;  // what `disk` passes on goes through it
  DiskWatch disk;        // before the engine, which uses it to its end
  MemoryBudget memory;
  std::unique_ptr<RocksdbEngine> engine;
  CommitGate gate;
  /// Held while an embedding version comes or goes, whose family and record change one after the
  /// other: whoever needs both to agree takes it.
  Mutex embedding_mutex;
  std::unique_ptr<CommitSequencer> sequencer;
  SchemaCache schemas;
  /// Null in a database that is open for reading only. It writes when it goes, so it goes first.
  std::unique_ptr<WatermarkKeeper> watermark;
  std::atomic<std::uint64_t> weights_garbage = 0;  // bytes deleted since the last compaction

  /// Reads the commit sequence and the ordinal counters. Called once, before anything else runs.
  Status ReadCounters();

  /// Tells the watermark of a commit. `engine_sequence` is a number of RocksDB's that lies in the
  /// commit or before it; `synced` says whether the commit waited for the disk.
  void NoteCommit(std::uint64_t commit_sequence, std::uint64_t engine_sequence, bool synced);

  /// Reads the schemas as they are stored now. Called at open, and by a commit that alters a schema
  /// before it leaves the gate, which it holds alone.
  Status LoadSchemas() DASHI_EXCLUDES(schemas_mutex_);
  /// The schema of the last commit, whose indexes every commit maintains while it is inside the
  /// gate. Sharers: commits, loads and builds.
  std::shared_ptr<const SchemaRecord> CurrentSchema(EntityKind kind) const
      DASHI_EXCLUDES(schemas_mutex_);

  /// The ordinal that the next row of `kind` would get.
  std::uint64_t NextOrdinal(EntityKind kind) const;
  /// Errors: kResourceExhausted (54000) after 2^32 - 1 rows.
  Result<Ordinal> TakeOrdinal(EntityKind kind);
  /// Takes the next value of a named counter, durably.
  Result<std::uint64_t> TakeId(std::string_view counter) DASHI_EXCLUDES(counters_mutex_);

  /// The picture for a new view: the latest, or the one from before a load that is being applied.
  Picture TakePicture() DASHI_EXCLUDES(picture_mutex_);
  /// The picture for a new transaction, whose snapshot it sets. `*behind_load` tells that the
  /// picture is older than that snapshot, so that conflicts must be looked for from the picture on.
  Picture BeginPicture(rocksdb::Transaction* transaction, bool* behind_load)
      DASHI_EXCLUDES(picture_mutex_);
  /// Freezes the picture for all that begins until ThawPicture.
  void FreezePicture() DASHI_EXCLUDES(picture_mutex_);
  void ThawPicture() DASHI_EXCLUDES(picture_mutex_);
  /// The commit sequence of the oldest picture that somebody still looks at, or else of the last
  /// commit. Transactions do not count: they read the change log by their snapshots alone, which
  /// keep what is removed after them.
  std::uint64_t OldestPicture() const DASHI_EXCLUDES(live_mutex_);

  /// One trim of the change log at a time.
  Mutex trim_mutex;

  /// After a committed load could not be applied nothing more is written until it was.
  void SetUnfinishedLoad(UnfinishedLoad load) DASHI_EXCLUDES(unfinished_mutex_);
  void ClearUnfinishedLoad() DASHI_EXCLUDES(unfinished_mutex_);
  bool has_unfinished_load() const { return unfinished_; }
  std::optional<UnfinishedLoad> GetUnfinishedLoad() const DASHI_EXCLUDES(unfinished_mutex_);
  /// After a schema that was altered could not be read back nothing more is written until the next
  /// open.
  void MarkSchemasUnread() { schemas_unread_ = true; }
  /// Errors: kResourceExhausted (53100) or kIoError (58030) while a committed load is not applied,
  ///         after a failed sync, and after MarkSchemasUnread.
  Status CheckWorking() const DASHI_EXCLUDES(unfinished_mutex_);
  /// Notes, inside the gate alone, that files of the load with this commit sequence are ingested,
  /// which RocksDB does not look at when it checks a transaction for conflicts.
  void NoteIngestion(std::uint64_t commit_sequence) { last_ingestion_ = commit_sequence; }
  /// The last such commit sequence; 0 when there is none.
  std::uint64_t last_ingestion() const { return last_ingestion_; }
  /// A name for the files of the next load. A name is used once in a process, since the record of a
  /// load that failed might come back from the log and must find the file that it was written for.
  std::string NextLoadName();

  /// One bulk load at a time.
  void EnterLoad() DASHI_EXCLUDES(load_mutex_);
  void LeaveLoad() DASHI_EXCLUDES(load_mutex_);

 private:
  // A picture of now, which counts among the live ones until its snapshot is released.
  Picture NewPicture() DASHI_EXCLUDES(live_mutex_);

  std::array<std::atomic<std::uint64_t>, 3> next_ordinals_{};
  Mutex counters_mutex_;
  std::map<std::string, std::uint64_t, std::less<>> counters_ DASHI_GUARDED_BY(counters_mutex_);
  mutable Mutex schemas_mutex_;
  std::array<std::shared_ptr<const SchemaRecord>, 3> current_schemas_
      DASHI_GUARDED_BY(schemas_mutex_);
  // Before frozen_: a picture that goes is taken off the list.
  mutable Mutex live_mutex_;
  std::multiset<std::uint64_t> live_pictures_ DASHI_GUARDED_BY(live_mutex_);
  Mutex picture_mutex_;
  std::unique_ptr<Picture> frozen_ DASHI_GUARDED_BY(picture_mutex_);
  std::atomic<std::uint64_t> num_loads_ = 0;
  std::atomic<std::uint64_t> last_ingestion_ = 0;
  std::atomic<bool> unfinished_ = false;
  std::atomic<bool> schemas_unread_ = false;
  mutable Mutex unfinished_mutex_;
  std::optional<UnfinishedLoad> unfinished_load_ DASHI_GUARDED_BY(unfinished_mutex_);
  Mutex load_mutex_;
  CondVar load_left_;
  bool loading_ DASHI_GUARDED_BY(load_mutex_) = false;
};

/// Reads a counter of `meta`; 0 when it is absent.
Result<std::uint64_t> ReadCounter(const RocksdbEngine& engine, std::string_view key);

}  // namespace dashi::storage
