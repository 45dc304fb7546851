#include "storage/graph/edge_run.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "base/status.h"
#include "storage/key_codec.h"

namespace dashi::storage {

namespace {

constexpr unsigned kDigitBits = 11;
constexpr std::uint64_t kNumDigits = std::uint64_t{1} << kDigitBits;
// Fewer edges are sorted by comparison.
constexpr std::size_t kRadixEdgesMin = 2 * kNumDigits;

}  // namespace

// A radix sort from the lowest digit, which leaves out those that are the same in all nodes.
// Stable, since of an edge that is put twice the last one counts.
void EdgeRun::SortByNode(EdgeSide side) {
  const auto node_of = [side](const LoadedEdge& edge) {
    return PackNode(side == EdgeSide::kOut ? edge.source : edge.target);
  };
  const auto before = [&](const LoadedEdge& a, const LoadedEdge& b) {
    return node_of(a) < node_of(b);
  };
  if (std::is_sorted(edges_.begin(), edges_.end(), before)) {
    return;
  }
  if (edges_.size() < kRadixEdgesMin) {
    std::stable_sort(edges_.begin(), edges_.end(), before);
    return;
  }
  std::uint64_t differing = 0;
  for (const LoadedEdge& edge : edges_) {
    differing |= node_of(edge) ^ node_of(edges_.front());
  }
  std::vector<LoadedEdge> sorted(edges_.size());
  for (unsigned shift = 0; differing >> shift != 0; shift += kDigitBits) {
    if ((differing >> shift) % kNumDigits == 0) {
      continue;
    }
    std::array<std::size_t, kNumDigits + 1> begin{};
    for (const LoadedEdge& edge : edges_) {
      ++begin[(node_of(edge) >> shift) % kNumDigits + 1];
    }
    std::partial_sum(begin.begin(), begin.end(), begin.begin());
    for (const LoadedEdge& edge : edges_) {
      sorted[begin[(node_of(edge) >> shift) % kNumDigits]++] = edge;
    }
    std::swap(edges_, sorted);
  }
}

Status EdgeRun::DrainSide(const GraphRecord& graph, EdgeSide side, EdgeOperation operation,
                          const std::function<Status(std::string_view, std::string_view)>& visit) {
  const bool out = side == EdgeSide::kOut;
  SortByNode(side);
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
