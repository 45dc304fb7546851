#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <rocksdb/iterator.h>

#include "storage/graph/pending_edges.h"
#include "storage/pending_relevance.h"
#include "storage/pending_writes.h"
#include "storage/rocksdb_store_state.h"
#include "storage/view.h"

namespace dashi::storage {

/// What a transaction has written and not committed; null members in a snapshot.
struct PendingChanges {
  const PendingWrites* writes = nullptr;
  const PendingRelevance* relevance = nullptr;
  const PendingEdges* edges = nullptr;
};

/// Walks the keys of one family from `prefix` on, while they start with it, stored ones merged with
/// pending ones. Pending writes may change during the walk; those behind it are not visited again.
///
/// Threads: one thread at a time.
class KeyWalk {
 public:
  KeyWalk(std::unique_ptr<rocksdb::Iterator> stored, const PendingWrites* pending, Family family,
          std::string_view prefix);

  /// Moves to the next key. Errors: the iterator's, with the family's name.
  Result<bool> Next();
  /// Valid until the next call of Next and the next pending write.
  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }

 private:
  bool StoredInRange() const;

  std::unique_ptr<rocksdb::Iterator> stored_;
  const PendingWrites* pending_;
  Family family_;
  std::string prefix_;
  std::string key_;
  std::string_view value_;
  bool started_ = false;
  bool stored_consumed_ = false;  // the iterator stands on a key that was visited
};

/// All reads of a View, over a picture and, in a transaction, over its pending changes.
///
/// Threads: as View.
class RocksdbReader {
 public:
  RocksdbReader(const RocksdbStoreState& state, Picture picture, PendingChanges pending)
      : state_(state), picture_(std::move(picture)), pending_(pending) {}

  std::uint64_t commit_sequence() const { return picture_.commit_sequence; }
  const RocksdbStoreState& state() const { return state_; }

  Result<std::uint64_t> CountChanges() const;
  Result<RowChanges> ChangesSince(EntityKind kind, std::uint64_t commit_sequence) const;

  /// Reads a key as this view sees it. Returns false when it is absent.
  Result<bool> Get(Family family, std::string_view key, std::string* value) const;
  /// Reads a key as stored at the picture, without pending writes.
  Result<bool> GetStored(Family family, std::string_view key, std::string* value) const;

  Result<std::optional<Ordinal>> FindOrdinal(EntityKind kind, std::string_view id) const;
  /// Calls `visit` for each id of a kind, in the order of their bytes, until it returns false.
  Status ScanIds(EntityKind kind,
                 const std::function<bool(std::string_view id, Ordinal ordinal)>& visit) const;
  Result<std::optional<EntityRow>> GetRow(EntityKind kind, Ordinal ordinal) const;
  Result<std::vector<std::optional<EntityRow>>> GetRows(EntityKind kind,
                                                        std::span<const Ordinal> ordinals) const;
  std::unique_ptr<RowCursor> ScanRows(EntityKind kind) const;
  std::uint64_t EstimateRows(EntityKind kind) const { return state_.NextOrdinal(kind); }

  Result<std::vector<RelevanceNeighbour>> LabelsOf(Ordinal document) const;
  Result<std::vector<RelevanceNeighbour>> DocumentsOf(Ordinal label) const;
  /// One side's list as stored at the picture.
  Result<std::vector<RelevanceNeighbour>> StoredNeighbours(RelevanceSide side,
                                                           Ordinal ordinal) const;
  std::unique_ptr<RelevanceCursor> ScanRelevance() const;
  /// Whether a relevance list is stored at the picture, be it an empty one. O(1).
  Result<bool> HasStoredRelevance() const;

  Result<std::optional<GraphRecord>> GetGraph(std::string_view name) const;
  Result<std::vector<GraphRecord>> ListGraphs() const;
  Result<std::vector<Edge>> EdgesOf(const GraphRecord& graph, EdgeSide side, GraphNode node) const;
  Result<std::vector<std::vector<Edge>>> EdgesOfAll(const GraphRecord& graph, EdgeSide side,
                                                    std::span<const GraphNode> nodes) const;
  std::unique_ptr<EdgeCursor> ScanEdges(const GraphRecord& graph, EdgeSide side) const;
  /// Whether an edge list of the graph is stored at the picture, be it an empty one. O(1).
  Result<bool> HasStoredEdges(const GraphRecord& graph) const;

  Result<std::unique_ptr<EmbeddingCursor>> ScanDeltaEmbeddings(std::uint64_t version,
                                                               EntityKind kind) const;
  Result<std::unique_ptr<EmbeddingCursor>> ScanEmbeddings(std::uint64_t version,
                                                          EntityKind kind) const;
  Result<std::string> GetWeights(std::string_view name) const;

  Result<std::optional<ModelRecord>> GetModel(std::string_view name) const;
  Result<std::vector<ModelRecord>> ListModels() const;
  Result<std::optional<ReleaseRecord>> GetRelease(std::string_view model,
                                                  std::uint32_t number) const;
  Result<std::vector<ReleaseRecord>> ListReleases() const;
  Result<std::optional<JobRecord>> GetJob(std::uint64_t id) const;
  Result<std::vector<JobRecord>> ListJobs() const;
  Result<std::vector<EvaluationRecord>> ListEvaluations() const;
  Result<std::optional<std::string>> GetSetting(std::string_view name) const;
  Result<std::shared_ptr<const SchemaRecord>> GetSchema(EntityKind kind) const;
  std::unique_ptr<IndexCursor> ScanIndex(std::uint32_t index, const OrderedRange& range) const;
  Result<std::uint64_t> EstimateIndexEntries(EntityKind kind, std::uint32_t index,
                                             const OrderedRange& range) const;

 private:
  rocksdb::ReadOptions ReadOptions() const;
  KeyWalk Walk(Family family, std::string_view prefix, bool fill_cache) const;
  /// A version's record and family, as the picture has them or as they are now.
  ///
  /// Errors: kNotFound (42704) for an unknown version.
  Result<EmbeddingRecord> FindEmbeddings(
      std::uint64_t version, std::shared_ptr<rocksdb::ColumnFamilyHandle>* family) const;
  void AddPendingChanges(EntityKind kind, RowChanges* changes) const;
  /// A stored value of `edges` with what is pending.
  Result<std::vector<Edge>> WithPending(const GraphRecord& graph, EdgeSide side, GraphNode node,
                                        std::optional<std::string_view> stored) const;

  const RocksdbStoreState& state_;
  Picture picture_;
  PendingChanges pending_;
};

/// kCorruption (XX001): "<table> row with ordinal <n> cannot be decoded".
Status DamagedRow(std::string_view table, Ordinal ordinal);

}  // namespace dashi::storage
