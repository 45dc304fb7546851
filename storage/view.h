#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "storage/catalog_records.h"
#include "storage/change_codec.h"
#include "storage/entity.h"
#include "storage/graph/edge.h"
#include "storage/graph/graph_record.h"
#include "storage/ordered_value.h"
#include "storage/schema_record.h"

namespace dashi::storage {

/// Walks rows of one kind in ordinal order.
///
/// Errors:  Next returns the error that ended the walk (a damaged block, a cancelled scan).
/// Threads: one thread at a time. Must not outlive its View.
class RowCursor {
 public:
  virtual ~RowCursor() = default;
  /// Moves to the next row. Returns false at the end.
  virtual Result<bool> Next() = 0;
  virtual Ordinal ordinal() const = 0;
  virtual const EntityRow& row() const = 0;
};

/// Walks relevance by document ordinal, one document with at least one label at a time.
class RelevanceCursor {
 public:
  virtual ~RelevanceCursor() = default;
  virtual Result<bool> Next() = 0;
  virtual Ordinal document() const = 0;
  /// The document's labels, ascending by ordinal.
  virtual const std::vector<RelevanceNeighbour>& labels() const = 0;
};

/// Walks the edges of a graph by source, one node with at least one edge at a time.
class EdgeCursor {
 public:
  virtual ~EdgeCursor() = default;
  virtual Result<bool> Next() = 0;
  virtual GraphNode node() const = 0;
  /// The node's edges, ascending by neighbour. Never empty.
  virtual const std::vector<Edge>& edges() const = 0;
};

/// Walks the entries of an index in the order of their values.
class IndexCursor {
 public:
  virtual ~IndexCursor() = default;
  virtual Result<bool> Next() = 0;
  virtual Ordinal ordinal() const = 0;
};

/// Walks the embeddings of one version and kind in ordinal order.
class EmbeddingCursor {
 public:
  virtual ~EmbeddingCursor() = default;
  virtual Result<bool> Next() = 0;
  virtual Ordinal ordinal() const = 0;
  virtual std::uint64_t text_hash() const = 0;
  /// IEEE binary16 values, [dim]. Valid until the next call.
  virtual std::span<const std::uint16_t> values() const = 0;
};

/// What happened to rows of one kind after some commit.
struct RowChanges {
  /// The sequence of what a transaction has changed and not committed.
  static constexpr std::uint64_t kUncommitted = UINT64_MAX;

  struct Entry {
    std::uint64_t commit_sequence = 0;
    ChangeRun run;
  };
  /// False: the change log does not reach back so far, and `entries` lacks what was removed.
  bool complete = true;
  /// Ascending by commit. Those above the view's commit sequence belong to commits that the view
  /// contains while an earlier one was still running, or are the transaction's own.
  std::vector<Entry> entries;
};

/// A consistent picture of the database: a snapshot, or a transaction that sees its own writes.
///
/// Errors:  kCorruption (XX001) names the table and ordinal of a row that cannot be decoded;
///          kIoError for the file system.
/// Threads: a snapshot's methods may be called at once; a transaction's by one thread at a time.
class View {
 public:
  virtual ~View() = default;

  /// The sequence of the last commit that this view contains.
  virtual Result<std::uint64_t> CommitSequence() const = 0;
  /// The number of commits that the change log still holds. Cost: reads them all.
  virtual Result<std::uint64_t> CountChanges() const = 0;
  /// What changed in rows of one kind after a commit, in all that this view contains. The log
  /// reaches back to the snapshot of each release that there is.
  ///
  /// Cost: one seek, and what the log holds after that commit.
  virtual Result<RowChanges> ChangesSince(EntityKind kind, std::uint64_t commit_sequence) const = 0;

  // Rows.
  virtual Result<std::optional<Ordinal>> FindOrdinal(EntityKind kind,
                                                     std::string_view id) const = 0;
  virtual Result<std::optional<EntityRow>> GetRow(EntityKind kind, Ordinal ordinal) const = 0;
  /// Rows of several ordinals in one read; absent ones are nullopt. Result [ordinals.size()].
  virtual Result<std::vector<std::optional<EntityRow>>> GetRows(
      EntityKind kind, std::span<const Ordinal> ordinals) const = 0;
  virtual std::unique_ptr<RowCursor> ScanRows(EntityKind kind) const = 0;
  /// An upper bound of the number of rows, from the ordinal counter. O(1).
  virtual Result<std::uint64_t> EstimateRows(EntityKind kind) const = 0;

  // Relevance. Neighbour lists ascend by ordinal.
  virtual Result<std::vector<RelevanceNeighbour>> LabelsOf(Ordinal document) const = 0;
  virtual Result<std::vector<RelevanceNeighbour>> DocumentsOf(Ordinal label) const = 0;
  virtual std::unique_ptr<RelevanceCursor> ScanRelevance() const = 0;

  // Graphs. Lists of edges ascend by neighbour.
  virtual Result<std::optional<GraphRecord>> GetGraph(std::string_view name) const = 0;
  /// Ascending by name.
  virtual Result<std::vector<GraphRecord>> ListGraphs() const = 0;
  virtual Result<std::vector<Edge>> EdgesOf(const GraphRecord& graph, EdgeSide side,
                                            GraphNode node) const = 0;
  /// Those of several nodes in one read. Result [nodes.size()].
  virtual Result<std::vector<std::vector<Edge>>> EdgesOfAll(
      const GraphRecord& graph, EdgeSide side, std::span<const GraphNode> nodes) const = 0;
  /// Ascending by node, of side kOut sources and of side kIn targets.
  virtual std::unique_ptr<EdgeCursor> ScanEdges(const GraphRecord& graph, EdgeSide side) const = 0;

  // Embeddings and weights.
  virtual Result<std::unique_ptr<EmbeddingCursor>> ScanEmbeddings(std::uint64_t version,
                                                                  EntityKind kind) const = 0;
  /// What Store::PutDeltaEmbeddings added to a version. The text that such an embedding is of may
  /// be another by now, and its row may be gone.
  virtual Result<std::unique_ptr<EmbeddingCursor>> ScanDeltaEmbeddings(std::uint64_t version,
                                                                       EntityKind kind) const = 0;
  /// The whole of a blob written with Store::PutWeights, checksum verified.
  virtual Result<std::string> GetWeights(std::string_view name) const = 0;

  // Catalog.
  virtual Result<std::optional<ModelRecord>> GetModel(std::string_view name) const = 0;
  virtual Result<std::vector<ModelRecord>> ListModels() const = 0;
  virtual Result<std::optional<ReleaseRecord>> GetRelease(std::string_view model,
                                                          std::uint32_t number) const = 0;
  virtual Result<std::vector<ReleaseRecord>> ListReleases() const = 0;
  virtual Result<std::optional<JobRecord>> GetJob(std::uint64_t id) const = 0;
  virtual Result<std::vector<JobRecord>> ListJobs() const = 0;
  virtual Result<std::vector<EvaluationRecord>> ListEvaluations() const = 0;
  virtual Result<std::optional<std::string>> GetSetting(std::string_view name) const = 0;
  /// The user columns of documents or labels; without any columns when none was ever added.
  /// Sharers: whoever asked.
  ///
  /// Cost: one point read; an unchanged record is not decoded again.
  virtual Result<std::shared_ptr<const SchemaRecord>> GetSchema(EntityKind kind) const = 0;

  // Indexes: those that this view's schema has, by number, once they are ready.
  virtual std::unique_ptr<IndexCursor> ScanIndex(std::uint32_t index,
                                                 const OrderedRange& range) const = 0;
  /// About how many entries a range has: exact when they are few, else by the size on disk.
  ///
  /// Cost: at most some hundred entries are walked.
  virtual Result<std::uint64_t> EstimateIndexEntries(EntityKind kind, std::uint32_t index,
                                                     const OrderedRange& range) const = 0;
};

/// When a commit is on the disk: before it is acknowledged, or soon after.
enum class Durability { kNow, kSoon };

/// A unit of change: sees its own writes over a snapshot taken at its start.
///
/// Errors:  Commit returns kAborted (40001) with a retry hint when another transaction committed a
///          change of a row that this one read for update or wrote; nothing is written then.
///          A transaction larger than its byte limit fails with kResourceExhausted (54000).
/// Threads: one thread at a time.
class Transaction : public View {
 public:
  /// Errors: kAlreadyExists (23505) naming table and id; kInvalidArgument for an empty or overlong
  ///         id (22023, 54000), invalid UTF-8 (22021), or a split other than train, test, valid
  ///         (23514).
  virtual Result<Ordinal> InsertRow(EntityKind kind, const EntityRow& row) = 0;
  /// Replaces the row at `ordinal`, which keeps its ordinal. A changed id is checked for conflicts.
  virtual Status UpdateRow(EntityKind kind, Ordinal ordinal, const EntityRow& row) = 0;
  /// Deletes the row, its relevance pairs and its edges, both directions.
  virtual Status DeleteRow(EntityKind kind, Ordinal ordinal) = 0;

  /// Inserts or replaces a pair. Returns whether it is new.
  virtual Result<bool> PutRelevance(Ordinal document, Ordinal label, float weight) = 0;
  /// Returns whether the pair existed.
  virtual Result<bool> DeleteRelevance(Ordinal document, Ordinal label) = 0;

  /// Declares a graph and gives it its number.
  ///
  /// Errors: kAlreadyExists (42P07) for a name that is taken; as CheckName.
  virtual Result<GraphRecord> CreateGraph(GraphRecord graph) = 0;
  /// Drops a graph; Store::StepIndexWork removes its edges.
  ///
  /// Errors: kNotFound (42704).
  virtual Status DropGraph(std::string_view name) = 0;
  /// Inserts or replaces an edge. Returns whether it is new. Commit conflicts with every other
  /// commit that changes edges of the same source.
  ///
  /// Errors: kNotFound (23503) when an end does not exist, kNotFound (42704) for a graph that does
  ///         not; kInvalidArgument (22023) for a weight that is not finite or negative.
  virtual Result<bool> PutEdge(const GraphRecord& graph, GraphNode source, GraphNode target,
                               const EdgeValues& values) = 0;
  /// Adds to an edge, which begins with these values where it does not exist (SumOf), without
  /// reading it: additions never conflict with each other. Errors as PutEdge.
  virtual Status AddToEdge(const GraphRecord& graph, GraphNode source, GraphNode target,
                           const EdgeValues& values) = 0;
  /// Returns whether the edge existed.
  virtual Result<bool> DeleteEdge(const GraphRecord& graph, GraphNode source, GraphNode target) = 0;
  /// Remembers that an event was counted. Returns whether it had not been before. Two commits that
  /// remember the same event conflict.
  ///
  /// Errors: kInvalidArgument (22008) for an event that is older than the graph remembers events.
  virtual Result<bool> PutGraphEvent(const GraphRecord& graph, std::uint32_t day,
                                     std::string_view event_id) = 0;

  virtual Status PutModel(const ModelRecord& model) = 0;
  virtual Status DeleteModel(std::string_view name) = 0;
  virtual Status PutRelease(const ReleaseRecord& release) = 0;
  virtual Status DeleteRelease(std::string_view model, std::uint32_t number) = 0;
  virtual Status PutJob(const JobRecord& job) = 0;
  /// Takes all the records of one id at once.
  virtual Status PutEvaluations(std::span<const EvaluationRecord> records) = 0;
  virtual Status PutSetting(std::string_view name, std::string_view value) = 0;
  /// Replaces the user columns and indexes of documents or labels and counts the version up.
  /// Conflicts with every other transaction that does the same. Indexes that are new are kept up
  /// from the commit on, and built by Store::StepIndexWork; entries of those that are gone are
  /// removed by it.
  virtual Status PutSchema(EntityKind kind, SchemaRecord schema) = 0;
  /// The next value of a persistent counter ("job", "evaluation", "embedding_version"), from 1.
  /// Values are never given twice, even when the transaction is rolled back.
  virtual Result<std::uint64_t> NextId(std::string_view counter) = 0;

  /// Savepoints nest; they give statements atomicity inside a transaction.
  virtual void SetSavepoint() = 0;
  /// Undoes what was done since the innermost savepoint, and removes that savepoint.
  virtual Status RollbackToSavepoint() = 0;
  /// Removes the innermost savepoint and keeps what was done since.
  virtual void ReleaseSavepoint() = 0;

  /// Makes the changes visible, all or none, and durable: at once (synced) or, with kSoon, within
  /// about a second. A process that dies loses neither; a machine that loses its power may lose the
  /// last commits of kSoon, always the latest and whole. The transaction is over then, whatever the
  /// outcome.
  virtual Status Commit(Durability durability) = 0;
  Status Commit() { return Commit(Durability::kNow); }
  /// Whether anything was written.
  virtual bool has_writes() const = 0;
};

}  // namespace dashi::storage
