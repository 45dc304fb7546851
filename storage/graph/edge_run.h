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
/// Threads: one thread at a time.
/// Cost:    40 bytes an edge, twice that while a side is put in order; linear in the edges, but for
///          the sorting within each list.
class EdgeRun {
 public:
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

  /// Calls `visit` for each neighbour list of both sides with its key and a delta in which all
  /// edges are `operation`s, then for each gathered key with an empty delta; ascending by key.
  /// Forgets everything, unless `visit` fails.
  Status Drain(const GraphRecord& graph, EdgeOperation operation,
               const std::function<Status(std::string_view key, std::string_view delta)>& visit);

 private:
  struct LoadedEdge {
    GraphNode source;
    GraphNode target;
    EdgeValues values;
  };
  void SortByNode(EdgeSide side);
  Status DrainSide(const GraphRecord& graph, EdgeSide side, EdgeOperation operation,
                   const std::function<Status(std::string_view, std::string_view)>& visit);

  std::vector<LoadedEdge> edges_;
  std::vector<std::string> keys_;
  std::uint64_t key_bytes_ = 0;
};

}  // namespace dashi::storage
