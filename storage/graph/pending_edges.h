#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "storage/graph/edge_codec.h"
#include "storage/graph/graph_record.h"

namespace dashi::storage {

/// The neighbour list that a change belongs to. Orders as the keys do.
struct EdgeList {
  std::uint32_t graph = 0;
  EdgeSide side = EdgeSide::kOut;
  GraphNode node;

  friend auto operator<=>(const EdgeList&, const EdgeList&) = default;
};

/// The changes of edges that a transaction has made and not yet committed, seen from both ends,
/// with savepoints.
///
/// Threads: one thread at a time.
/// Cost:    logarithmic in the lists touched and in the changes of a list; about 300 bytes an edge.
class PendingEdges {
 public:
  using Changes = std::map<GraphNode, EdgeChange>;  ///< by neighbour
  using Lists = std::map<EdgeList, Changes>;

  /// Does `change`, whose neighbour is the target, to the edge after what was done to it before.
  void Apply(const GraphRecord& graph, GraphNode source, const EdgeChange& change);

  /// Returns what was done to an edge, or null when it was not touched.
  const EdgeChange* Find(std::uint32_t graph, GraphNode source, GraphNode target) const;
  /// The changes of one list, ascending; empty when it was not touched.
  std::vector<EdgeChange> ChangesOf(const EdgeList& list) const;
  const Lists& lists() const { return lists_; }
  std::int64_t HalfLifeOf(std::uint32_t graph) const { return half_lives_.at(graph); }
  bool empty() const { return lists_.empty(); }
  std::uint64_t bytes() const { return num_edges_ * kEdgeBytes + undo_.size() * sizeof(Undo); }

  void SetSavepoint();
  void RollbackToSavepoint();
  void ReleaseSavepoint();

 private:
  struct Undo {
    std::uint32_t graph;
    GraphNode source;
    GraphNode target;
    std::optional<EdgeChange> previous;
  };
  static constexpr std::uint64_t kEdgeBytes = 300;

  void Set(std::uint32_t graph, GraphNode source, EdgeChange change);
  void Forget(const EdgeList& list, GraphNode neighbour);

  Lists lists_;
  std::map<std::uint32_t, std::int64_t> half_lives_;  // by graph
  std::uint64_t num_edges_ = 0;
  std::vector<Undo> undo_;
  std::vector<std::size_t> savepoints_;  // sizes of undo_
};

}  // namespace dashi::storage
