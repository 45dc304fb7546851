#pragma once

#include <array>
#include <memory>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <rocksdb/utilities/transaction.h>

#include "storage/change_codec.h"
#include "storage/rocksdb_view.h"

namespace dashi::storage {

/// A transaction. Its writes wait in memory; Commit hands them to a RocksDB optimistic transaction,
/// which was begun with it and therefore finds every conflicting commit since.
///
/// Written keys and the id keys of rows that pairs refer to are checked for conflicts. Lists of a
/// label's documents are merged blindly, so that committers of popular labels do not disturb each
/// other; only the deletion of a label checks its list. Edges are merged on both sides; whoever
/// asks whether one exists, or deletes one of its ends, checks the list.
class RocksdbTransaction : public RocksdbViewOf<Transaction> {
 public:
  static std::unique_ptr<RocksdbTransaction> Begin(RocksdbStoreState* state);
  ~RocksdbTransaction() override;

  Result<Ordinal> InsertRow(EntityKind kind, const EntityRow& row) override;
  Status UpdateRow(EntityKind kind, Ordinal ordinal, const EntityRow& row) override;
  Status DeleteRow(EntityKind kind, Ordinal ordinal) override;
  Result<bool> PutRelevance(Ordinal document, Ordinal label, float weight) override;
  Result<bool> DeleteRelevance(Ordinal document, Ordinal label) override;

  Result<GraphRecord> CreateGraph(GraphRecord graph) override;
  Status DropGraph(std::string_view name) override;
  Result<bool> PutEdge(const GraphRecord& graph, GraphNode source, GraphNode target,
                       const EdgeValues& values) override;
  Status AddToEdge(const GraphRecord& graph, GraphNode source, GraphNode target,
                   const EdgeValues& values) override;
  Result<bool> DeleteEdge(const GraphRecord& graph, GraphNode source, GraphNode target) override;
  Result<bool> PutGraphEvent(const GraphRecord& graph, std::uint32_t day,
                             std::string_view event_id) override;

  Status PutModel(const ModelRecord& model) override;
  Status DeleteModel(std::string_view name) override;
  Status PutRelease(const ReleaseRecord& release) override;
  Status DeleteRelease(std::string_view model, std::uint32_t number) override;
  Status PutJob(const JobRecord& job) override;
  Status PutEvaluations(std::span<const EvaluationRecord> records) override;
  Status PutSetting(std::string_view name, std::string_view value) override;
  Status PutSchema(EntityKind kind, SchemaRecord schema) override;
  Result<std::uint64_t> NextId(std::string_view counter) override;

  void SetSavepoint() override;
  Status RollbackToSavepoint() override;
  void ReleaseSavepoint() override;
  using Transaction::Commit;
  Status Commit(Durability durability) override;
  bool has_writes() const override;

 private:
  using TrackedKey = std::pair<Family, std::string>;

  // What the reader of the base class points at must exist before it.
  struct Pending {
    PendingWrites writes;
    PendingRelevance relevance;
    PendingEdges edges;
  };
  RocksdbTransaction(RocksdbStoreState* state, std::unique_ptr<rocksdb::Transaction> transaction,
                     Picture picture, bool behind_load, std::unique_ptr<Pending> pending);

  Status CheckOpen() const;
  // Fails with 54000 when `more_bytes` would make the transaction too large.
  Status CheckSize(std::uint64_t more_bytes);
  Status PutRecord(Family family, std::string key, std::string value);
  Status DeleteRecord(Family family, std::string key);
  Status CheckIdFree(EntityKind kind, std::string_view id) const;
  Result<EntityRow> RequireStoredRow(EntityKind kind, Ordinal ordinal) const;
  // Checks that a pair's row exists, and that no other transaction deletes it meanwhile.
  Status RequirePairRow(EntityKind kind, Ordinal ordinal);
  Result<bool> HasPair(Ordinal document, Ordinal label);
  void Track(Family family, std::string key);

  // Edges: graph/rocksdb_transaction_edges.cc.
  Status RequireGraph(const GraphRecord& graph);
  Status RequireEnds(const GraphRecord& graph, GraphNode source, GraphNode target);
  Result<bool> HasEdge(const GraphRecord& graph, GraphNode source, GraphNode target);
  Status DeleteEdgesOf(GraphNode node);
  Status StageEdges(ChangeSet* changes);

  /// Writes the index entries of a row that this transaction changes, for its own reads.
  Status PutIndexEntries(EntityKind kind, Ordinal ordinal, const EntityRow* before,
                         const EntityRow* after);
  bool AltersSchemas() const;

  Status StagePending(std::uint64_t commit_sequence);
  Status StageWrites(ChangeSet* changes);
  Status StageIndexEntries(EntityKind kind);
  Status StageRelevance(ChangeSet* changes);
  Status StageCounters(std::uint64_t commit_sequence);
  Status CheckLoadConflicts();
  Status CommitStaged(Durability durability);
  Status CommitInside(Durability durability);

  RocksdbStoreState* const state_;
  std::unique_ptr<Pending> pending_;
  std::unique_ptr<rocksdb::Transaction> transaction_;
  MemoryLease memory_;
  const bool behind_load_;
  bool over_ = false;

  std::vector<TrackedKey> reads_;
  std::vector<std::size_t> read_savepoints_;     // sizes of reads_
  std::unordered_set<std::uint64_t> pair_rows_;  // kind << 32 | ordinal: found by RequirePairRow

  // The schemas that PutIndexEntries works with; null until it asks, and after they may have
  // changed.
  std::array<std::shared_ptr<const SchemaRecord>, 3> schemas_;

  // The stored labels of the document that HasPair saw last.
  std::optional<Ordinal> cached_document_;
  std::vector<RelevanceNeighbour> cached_labels_;

  // The stored edges that HasEdge saw last.
  std::optional<EdgeList> cached_edge_list_;
  std::vector<Edge> cached_edges_;
  std::optional<std::vector<GraphRecord>> graphs_;  // all, once a deletion has asked
  std::unordered_set<std::uint32_t> graphs_read_;   // numbers: found by RequireGraph
};

}  // namespace dashi::storage
