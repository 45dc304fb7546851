#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <rocksdb/db.h>

#include "base/status.h"
#include "storage/graph/rocksdb_edge_cursor.h"
#include "storage/rocksdb_reader.h"
#include "storage/rocksdb_status.h"

namespace dashi::storage {

Result<std::vector<Edge>> RocksdbReader::WithPending(const GraphRecord& graph, EdgeSide side,
                                                     GraphNode node,
                                                     std::optional<std::string_view> stored) const {
  std::vector<Edge> edges;
  if (stored && !DecodeEdges(*stored, &edges)) {
    return DamagedEdges(graph, side, node);
  }
  if (pending_.edges == nullptr || pending_.edges->empty()) {
    return edges;
  }
  const std::vector<EdgeChange> changes = pending_.edges->ChangesOf({graph.number, side, node});
  return changes.empty() ? std::move(edges)
                         : ApplyEdgeChanges(graph.half_life_micros, edges, changes);
}

Result<std::vector<Edge>> RocksdbReader::EdgesOf(const GraphRecord& graph, EdgeSide side,
                                                 GraphNode node) const {
  std::string value;
  DASHI_ASSIGN_OR_RETURN(const bool found,
                         GetStored(Family::kEdges, EdgeKey(graph.number, side, node), &value));
  return WithPending(graph, side, node,
                     found ? std::optional<std::string_view>(value) : std::nullopt);
}

Result<std::vector<std::vector<Edge>>> RocksdbReader::EdgesOfAll(
    const GraphRecord& graph, EdgeSide side, std::span<const GraphNode> nodes) const {
  // MultiGet of 7.8 may mix up values when a key is given twice: sorted and unique.
  std::vector<GraphNode> unique(nodes.begin(), nodes.end());
  std::sort(unique.begin(), unique.end());
  unique.erase(std::unique(unique.begin(), unique.end()), unique.end());
  std::vector<std::string> keys;
  keys.reserve(unique.size());
  for (const GraphNode node : unique) {
    keys.push_back(EdgeKey(graph.number, side, node));
  }
  const std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
  std::vector<rocksdb::PinnableSlice> values(keys.size());
  std::vector<rocksdb::Status> statuses(keys.size());
  state_.engine->db()->MultiGet(ReadOptions(), state_.engine->family(Family::kEdges), slices.size(),
                                slices.data(), values.data(), statuses.data(),
                                /*sorted_input=*/true);
  std::vector<std::vector<Edge>> result(nodes.size());
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto position = static_cast<std::size_t>(
        std::lower_bound(unique.begin(), unique.end(), nodes[i]) - unique.begin());
    const bool found = statuses[position].ok();
    if (!found && !statuses[position].IsNotFound()) {
      return FromRocksdb(statuses[position], "reading edges");
    }
    DASHI_ASSIGN_OR_RETURN(
        result[i], WithPending(graph, side, nodes[i],
                               found ? std::optional<std::string_view>(ToView(values[position]))
                                     : std::nullopt));
  }
  return result;
}

std::unique_ptr<EdgeCursor> RocksdbReader::ScanEdges(const GraphRecord& graph,
                                                     EdgeSide side) const {
  return NewEdgeCursor(Walk(Family::kEdges, EdgePrefix(graph.number, side), /*fill_cache=*/false),
                       graph, side, pending_.edges);
}

Result<bool> RocksdbReader::HasStoredEdges(const GraphRecord& graph) const {
  return Walk(Family::kEdges, EdgePrefix(graph.number, EdgeSide::kOut), /*fill_cache=*/true).Next();
}

}  // namespace dashi::storage
