#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file_gate.h"
#include "dashi/status.h"
#include "storage/backup.h"
#include "storage/bulk_load.h"
#include "storage/check.h"
#include "storage/memory_budget.h"
#include "storage/view.h"

namespace dashi::storage {

struct StoreOptions {
  bool create_if_missing = true;
  bool read_only = false;
  bool follow = false;  ///< with read_only: each snapshot shows the writer's latest commits
  /// Block cache, memtables and what is reserved in the MemoryBudget, together.
  std::uint64_t memory_bytes_max = std::uint64_t{512} << 20;
  std::uint64_t transaction_bytes_max = std::uint64_t{256} << 20;
  /// What COPY and training leave free on the disk, so that single writes find room.
  std::uint64_t reserved_disk_bytes = std::uint64_t{64} << 20;
  const Clock* clock = &Clock::System();
  FileGate* file_gate = &FileGate::System();
};

/// Writes the embeddings of one version through SST ingestion.
///
/// Shape:   rows must come ascending by (kind, ordinal), each [dim] binary16.
/// Errors:  kInvalidArgument for rows out of order. Dropping it without Finish discards the rows.
/// Threads: one thread at a time.
class EmbeddingWriter {
 public:
  virtual ~EmbeddingWriter() = default;
  virtual Status Add(EntityKind kind, Ordinal ordinal, std::uint64_t text_hash,
                     std::span<const std::uint16_t> values) = 0;
  /// Syncs and ingests. The version exists from then on.
  virtual Status Finish() = 0;
};

/// An embedding of a row that came, or got another text, after a version was written. Borrowed.
struct DeltaEmbedding {
  Ordinal ordinal{};
  std::uint64_t text_hash = 0;
  std::span<const std::uint16_t> values;  ///< [dim] binary16
};

/// A figure of the engine as it is now, for those who watch it.
struct StorageFigure {
  std::string_view name;  ///< `live_sst_bytes`
  std::uint64_t value = 0;
  std::string_view description;
};

/// The database directory: every byte that dashi keeps.
///
/// Views, transactions, loads and writers must be gone before their store.
///
/// Errors:  see Database::Open for Open; other calls kIoError, kCorruption, kResourceExhausted.
/// Threads: all methods may be called at once.
class Store {
 public:
  static Result<std::unique_ptr<Store>> Open(const std::string& directory,
                                             const StoreOptions& options);
  virtual ~Store() = default;

  /// Sharers: statements that read, and the training job that reads its data.
  virtual Result<std::shared_ptr<const View>> NewSnapshot() = 0;
  virtual Result<std::unique_ptr<Transaction>> Begin() = 0;
  /// Begins a load of documents, labels or anchors.
  virtual Result<std::unique_ptr<BulkLoad>> BeginRowLoad(EntityKind kind,
                                                         DuplicatePolicy policy) = 0;
  virtual Result<std::unique_ptr<BulkLoad>> BeginRelevanceLoad(DuplicatePolicy policy) = 0;
  /// Begins a load of edges, or of clicks, which are added to edges.
  virtual Result<std::unique_ptr<BulkLoad>> BeginEdgeLoad(const GraphRecord& graph,
                                                          DuplicatePolicy policy) = 0;
  virtual Result<std::unique_ptr<BulkLoad>> BeginClickLoad(const GraphRecord& graph) = 0;

  /// Does one step of what is left to do for indexes: building those that were created, a thousand
  /// rows or so a step, and removing the entries of those that were dropped, and the edges of
  /// dropped graphs. Returns false when nothing is left. What a step has done stays done, whatever
  /// becomes of the process.
  ///
  /// Threads: one caller at a time gets on fastest; several do no harm.
  virtual Result<bool> StepIndexWork() = 0;
  virtual Result<bool> HasIndexWork() const = 0;

  /// Writes a blob in chunks of 1 MiB, synced, with an xxh3-128 of the whole. It replaces a blob of
  /// the same name. Blobs that no release names are removed at open.
  virtual Status PutWeights(std::string_view name, std::string_view bytes) = 0;
  virtual Status DeleteWeights(std::string_view name) = 0;
  virtual Result<std::unique_ptr<EmbeddingWriter>> NewEmbeddingVersion(std::uint64_t version,
                                                                       std::uint32_t dim) = 0;
  /// Drops a version with what PutDeltaEmbeddings added to it.
  virtual Status DropEmbeddingVersion(std::uint64_t version) = 0;
  /// Keeps embeddings beside a version, each in the place of an earlier one of its row, so that
  /// they need not be computed again. They are not synced: what a crash loses is computed anew.
  ///
  /// Errors: kNotFound for a version that is not there; kInvalidArgument for another dim.
  virtual Status PutDeltaEmbeddings(std::uint64_t version, EntityKind kind,
                                    std::span<const DeltaEmbedding> embeddings) = 0;
  /// Removes embeddings beside a version, where there are any. Not synced either.
  ///
  /// Errors: kNotFound for a version that is not there.
  virtual Status RemoveDeltaEmbeddings(std::uint64_t version, EntityKind kind,
                                       std::span<const Ordinal> ordinals) = 0;

  /// The limit that all parts of the database share. Never null.
  virtual MemoryBudget* memory() = 0;
  /// Who uses how much of the limit; parts that use nothing are left out.
  virtual std::vector<MemoryUsageRow> MemoryUsage() const = 0;
  /// What the engine tells of itself. Figures that it does not know are left out.
  virtual std::vector<StorageFigure> Figures() const = 0;

  /// Verifies every checksum and every cross-reference, on a snapshot, while others write.
  ///
  /// Errors: the monitor's. What is wrong with the database stands in the report.
  /// Cost:   reads every table's file twice; memory for one bit a row and a few MiB.
  virtual Result<CheckReport> Check(TaskMonitor& monitor) = 0;

  /// Adds a backup to a backup directory, which is made when absent, while others write. It holds
  /// exactly the commits up to one sequence; a load that is being applied is waited for. Files that
  /// an earlier backup there holds are not copied again, and every copy is read back.
  ///
  /// Errors: kInvalidArgument (22023) for a directory inside the database or one that holds
  ///         something else; kCorruption (XX001) naming a damaged file of the database;
  ///         kResourceExhausted (53100) for a full disk; kUnavailable (55006) while the backups are
  ///         in use; kFailedPrecondition (25006) when opened for reading only; the monitor's. What
  ///         was begun is removed, and earlier backups stay as they were.
  virtual Result<BackupSummary> Backup(const std::string& backup_directory,
                                       const BackupOptions& options, TaskMonitor& monitor) = 0;

  virtual const std::string& directory() const = 0;
  /// The folder of index files inside the directory, created at open. Files in it that no release
  /// names are removed at open.
  virtual const std::string& index_directory() const = 0;
  virtual bool read_only() const = 0;
  /// What changes of files inside the directory go through.
  virtual FileGate& file_gate() = 0;
  /// Checks, before large work, that the disk has room for `bytes` beside the reserve.
  ///
  /// Errors: kResourceExhausted (53100) with the numbers; `what` is what needs the room.
  virtual Status CheckRoom(std::uint64_t bytes, std::string_view what) = 0;
};

/// The xxh3-64 of a text, as stored beside its embedding.
std::uint64_t HashText(std::string_view text);

}  // namespace dashi::storage
