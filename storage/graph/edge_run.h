#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "dashi/status.h"
#include "storage/graph/edge_codec.h"
#include "storage/graph/graph_record.h"

namespace dashi::storage {

/// Edges of one graph in the order in which a load gave them, gathered to become neighbour lists.
///
/// Threads: one thread at a time; const calls together.
/// Cost:    40 bytes an edge, and 16 while a side is visited that is not in order; linear in the
///          edges, but for the sorting within each list. At most 2^29 edges.
class EdgeRun {
 public:
  /// An empty delta belongs to a gathered key.
  using Visitor = std::function<Status(std::string_view key, std::string_view delta)>;

  void Add(GraphNode source, GraphNode target, const EdgeValues& values) {
    edges_.push_back({source, target, values});
  }
  /// Gathers the key of something else that the graph holds, without a value: an event.
  void AddKey(std::string key) {
    key_bytes_ += key.size() + sizeof(std::string);
    keys_.push_back(std::move(key));
  }
  bool empty() const { return edges_.empty() && keys_.empty(); }
  std::uint64_t bytes() const { return edges_.size() * sizeof(LoadedEdge) + key_bytes_; }
  /// Forgets everything but the memory.
  void Clear();

  /// Calls `visit` for each neighbour list of a side with its key and a delta in which all edges
  /// are `operation`s; of the side kIn then for each gathered key. Keys ascend, and all of kOut are
  /// below those of kIn. Errors: that of `visit`.
  Status VisitSide(const GraphRecord& graph, EdgeSide side, EdgeOperation operation,
                   const Visitor& visit) const;

 private:
  struct LoadedEdge {
    GraphNode source;
    GraphNode target;
    EdgeValues values;
  };
  std::vector<std::uint64_t> OrderByNode(EdgeSide side) const;
  Status VisitLists(const GraphRecord& graph, EdgeSide side, EdgeOperation operation,
                    const Visitor& visit) const;
  Status VisitKeys(const Visitor& visit) const;

  std::vector<LoadedEdge> edges_;
  std::vector<std::string> keys_;
  std::uint64_t key_bytes_ = 0;
};

}  // namespace dashi::storage
