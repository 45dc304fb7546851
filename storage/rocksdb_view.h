#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/rocksdb_reader.h"
#include "storage/view.h"

namespace dashi::storage {

/// Implements View's methods by a RocksdbReader, for a snapshot (`Interface` = View) and for a
/// transaction (`Interface` = Transaction), which has no other way to share them.
template <typename Interface>
class RocksdbViewOf : public Interface {
 public:
  Result<std::uint64_t> CommitSequence() const override { return reader_.commit_sequence(); }
  Result<std::uint64_t> CountChanges() const override { return reader_.CountChanges(); }
  Result<RowChanges> ChangesSince(EntityKind kind, std::uint64_t commit_sequence) const override {
    return reader_.ChangesSince(kind, commit_sequence);
  }

  Result<std::optional<Ordinal>> FindOrdinal(EntityKind kind, std::string_view id) const override {
    return reader_.FindOrdinal(kind, id);
  }
  Result<std::optional<EntityRow>> GetRow(EntityKind kind, Ordinal ordinal) const override {
    return reader_.GetRow(kind, ordinal);
  }
  Result<std::vector<std::optional<EntityRow>>> GetRows(
      EntityKind kind, std::span<const Ordinal> ordinals) const override {
    return reader_.GetRows(kind, ordinals);
  }
  std::unique_ptr<RowCursor> ScanRows(EntityKind kind) const override {
    return reader_.ScanRows(kind);
  }
  Result<std::uint64_t> EstimateRows(EntityKind kind) const override {
    return reader_.EstimateRows(kind);
  }

  Result<std::vector<RelevanceNeighbour>> LabelsOf(Ordinal document) const override {
    return reader_.LabelsOf(document);
  }
  Result<std::vector<RelevanceNeighbour>> DocumentsOf(Ordinal label) const override {
    return reader_.DocumentsOf(label);
  }
  std::unique_ptr<RelevanceCursor> ScanRelevance() const override {
    return reader_.ScanRelevance();
  }

  Result<std::optional<GraphRecord>> GetGraph(std::string_view name) const override {
    return reader_.GetGraph(name);
  }
  Result<std::vector<GraphRecord>> ListGraphs() const override { return reader_.ListGraphs(); }
  Result<std::vector<Edge>> EdgesOf(const GraphRecord& graph, EdgeSide side,
                                    GraphNode node) const override {
    return reader_.EdgesOf(graph, side, node);
  }
  Result<std::vector<std::vector<Edge>>> EdgesOfAll(
      const GraphRecord& graph, EdgeSide side, std::span<const GraphNode> nodes) const override {
    return reader_.EdgesOfAll(graph, side, nodes);
  }
  std::unique_ptr<EdgeCursor> ScanEdges(const GraphRecord& graph, EdgeSide side) const override {
    return reader_.ScanEdges(graph, side);
  }

  Result<std::unique_ptr<EmbeddingCursor>> ScanDeltaEmbeddings(std::uint64_t version,
                                                               EntityKind kind) const override {
    return reader_.ScanDeltaEmbeddings(version, kind);
  }
  Result<std::unique_ptr<EmbeddingCursor>> ScanEmbeddings(std::uint64_t version,
                                                          EntityKind kind) const override {
    return reader_.ScanEmbeddings(version, kind);
  }
  Result<std::string> GetWeights(std::string_view name) const override {
    return reader_.GetWeights(name);
  }

  Result<std::optional<ModelRecord>> GetModel(std::string_view name) const override {
    return reader_.GetModel(name);
  }
  Result<std::vector<ModelRecord>> ListModels() const override { return reader_.ListModels(); }
  Result<std::optional<ReleaseRecord>> GetRelease(std::string_view model,
                                                  std::uint32_t number) const override {
    return reader_.GetRelease(model, number);
  }
  Result<std::vector<ReleaseRecord>> ListReleases() const override {
    return reader_.ListReleases();
  }
  Result<std::optional<JobRecord>> GetJob(std::uint64_t id) const override {
    return reader_.GetJob(id);
  }
  Result<std::vector<JobRecord>> ListJobs() const override { return reader_.ListJobs(); }
  Result<std::vector<EvaluationRecord>> ListEvaluations() const override {
    return reader_.ListEvaluations();
  }
  Result<std::optional<std::string>> GetSetting(std::string_view name) const override {
    return reader_.GetSetting(name);
  }
  Result<std::shared_ptr<const SchemaRecord>> GetSchema(EntityKind kind) const override {
    return reader_.GetSchema(kind);
  }
  std::unique_ptr<IndexCursor> ScanIndex(std::uint32_t index,
                                         const OrderedRange& range) const override {
    return reader_.ScanIndex(index, range);
  }
  Result<std::uint64_t> EstimateIndexEntries(EntityKind kind, std::uint32_t index,
                                             const OrderedRange& range) const override {
    return reader_.EstimateIndexEntries(kind, index, range);
  }

 protected:
  explicit RocksdbViewOf(RocksdbReader reader) : reader_(std::move(reader)) {}
  const RocksdbReader& reader() const { return reader_; }

 private:
  RocksdbReader reader_;
};

/// A snapshot.
class RocksdbSnapshotView : public RocksdbViewOf<View> {
 public:
  RocksdbSnapshotView(const RocksdbStoreState& state, Picture picture)
      : RocksdbViewOf<View>(RocksdbReader(state, std::move(picture), PendingChanges{})) {}
};

}  // namespace dashi::storage
