#include "storage/graph/edge_run.h"

#include <algorithm>
#include <tuple>

#include "base/status.h"
#include "storage/key_codec.h"

namespace dashi::storage {

Status EdgeRun::DrainSide(const GraphRecord& graph, EdgeSide side, EdgeOperation operation,
                          const std::function<Status(std::string_view, std::string_view)>& visit) {
  const bool out = side == EdgeSide::kOut;
  const auto before = [out](const LoadedEdge& a, const LoadedEdge& b) {
    return out ? std::tie(a.source, a.target) < std::tie(b.source, b.target)
               : std::tie(a.target, a.source) < std::tie(b.target, b.source);
  };
  // Stable, since of an edge that is put twice the last one counts.
  if (!std::is_sorted(edges_.begin(), edges_.end(), before)) {
    std::stable_sort(edges_.begin(), edges_.end(), before);
  }
  std::vector<EdgeChange> changes;
  for (std::size_t begin = 0; begin < edges_.size();) {
    const GraphNode node = out ? edges_[begin].source : edges_[begin].target;
    std::size_t end = begin;
    changes.clear();
    for (; end < edges_.size() && (out ? edges_[end].source : edges_[end].target) == node; ++end) {
      changes.push_back(
          {out ? edges_[end].target : edges_[end].source, operation, edges_[end].values});
    }
    CollapseEdgeChanges(graph.half_life_micros, &changes);
    DASHI_RETURN_IF_ERROR(
        visit(EdgeKey(graph.number, side, node), EncodeEdgeDelta(graph.half_life_micros, changes)));
    begin = end;
  }
  return Status::Ok();
}

Status EdgeRun::Drain(
    const GraphRecord& graph, EdgeOperation operation,
    const std::function<Status(std::string_view key, std::string_view delta)>& visit) {
  DASHI_RETURN_IF_ERROR(DrainSide(graph, EdgeSide::kOut, operation, visit));
  DASHI_RETURN_IF_ERROR(DrainSide(graph, EdgeSide::kIn, operation, visit));
  std::sort(keys_.begin(), keys_.end());
  for (const std::string& key : keys_) {
    DASHI_RETURN_IF_ERROR(visit(key, std::string_view()));
  }
  edges_.clear();
  keys_.clear();
  key_bytes_ = 0;
  return Status::Ok();
}

}  // namespace dashi::storage
