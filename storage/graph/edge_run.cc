#include "storage/graph/edge_run.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "base/status.h"
#include "storage/key_codec.h"

namespace dashi::storage {

namespace {

// A node takes 35 bits; the place of its edge those below.
constexpr unsigned kPlaceBits = 29;
constexpr std::uint64_t kPlaceMask = (std::uint64_t{1} << kPlaceBits) - 1;
constexpr unsigned kDigitBits = 11;
constexpr std::uint64_t kNumDigits = std::uint64_t{1} << kDigitBits;
// Fewer are sorted by comparison.
constexpr std::size_t kRadixMin = 2 * kNumDigits;
// Edges whose memory is asked for before the first of them is read.
constexpr std::size_t kPrefetchDistance = 16;

// Sorts numbers whose places ascend by their nodes: a radix sort from the lowest digit, which
// leaves out digits that are the same in all.
void SortByNode(std::vector<std::uint64_t>* order) {
  if (order->size() < kRadixMin) {
    std::sort(order->begin(), order->end());
    return;
  }
  std::uint64_t differing = 0;
  for (const std::uint64_t one : *order) {
    differing |= one ^ order->front();
  }
  std::vector<std::uint64_t> sorted(order->size());
  for (unsigned shift = kPlaceBits; shift < 64 && differing >> shift != 0; shift += kDigitBits) {
    if ((differing >> shift) % kNumDigits == 0) {
      continue;
    }
    std::array<std::size_t, kNumDigits + 1> begin{};
    for (const std::uint64_t one : *order) {
      ++begin[(one >> shift) % kNumDigits + 1];
    }
    std::partial_sum(begin.begin(), begin.end(), begin.begin());
    for (const std::uint64_t one : *order) {
      sorted[begin[(one >> shift) % kNumDigits]++] = one;
    }
    std::swap(*order, sorted);
  }
}

}  // namespace

void EdgeRun::Clear() {
  edges_.clear();
  keys_.clear();
  key_bytes_ = 0;
}

// The edges' places in the order of their nodes on the side, edges of a node in the order in which
// they came, since of an edge that is put twice the last one counts. Above each place stands the
// node. Empty: they are in order as they are.
std::vector<std::uint64_t> EdgeRun::OrderByNode(EdgeSide side) const {
  const auto node_of = [side](const LoadedEdge& edge) {
    return PackNode(side == EdgeSide::kOut ? edge.source : edge.target);
  };
  std::vector<std::uint64_t> order;
  if (std::is_sorted(edges_.begin(), edges_.end(), [&](const LoadedEdge& a, const LoadedEdge& b) {
        return node_of(a) < node_of(b);
      })) {
    return order;
  }
  order.reserve(edges_.size());
  for (std::size_t place = 0; place < edges_.size(); ++place) {
    order.push_back(node_of(edges_[place]) << kPlaceBits | place);
  }
  SortByNode(&order);
  return order;
}

Status EdgeRun::VisitLists(const GraphRecord& graph, EdgeSide side, EdgeOperation operation,
                           const Visitor& visit) const {
  const bool out = side == EdgeSide::kOut;
  const std::vector<std::uint64_t> order = OrderByNode(side);
  const auto edge_at = [&](std::size_t i) -> const LoadedEdge& {
    return edges_[order.empty() ? i : order[i] & kPlaceMask];
  };
  const auto prefetch = [&](std::size_t i) {
    if (i + kPrefetchDistance < order.size()) {
      __builtin_prefetch(&edges_[order[i + kPrefetchDistance] & kPlaceMask]);
    }
  };
  std::vector<EdgeChange> changes;
  std::string delta;
  for (std::size_t begin = 0; begin < edges_.size();) {
    const GraphNode node = out ? edge_at(begin).source : edge_at(begin).target;
    std::size_t end = begin;
    changes.clear();
    for (; end < edges_.size(); ++end) {
      prefetch(end);
      const LoadedEdge& edge = edge_at(end);
      if ((out ? edge.source : edge.target) != node) {
        break;
      }
      changes.push_back({out ? edge.target : edge.source, operation, edge.values});
    }
    CollapseEdgeChanges(graph.half_life_micros, &changes);
    EncodeEdgeDelta(graph.half_life_micros, changes, &delta);
    DASHI_RETURN_IF_ERROR(visit(EdgeKey(graph.number, side, node), delta));
    begin = end;
  }
  return Status::Ok();
}

Status EdgeRun::VisitKeys(const Visitor& visit) const {
  std::vector<std::string_view> sorted(keys_.begin(), keys_.end());
  std::sort(sorted.begin(), sorted.end());
  for (const std::string_view key : sorted) {
    DASHI_RETURN_IF_ERROR(visit(key, std::string_view()));
  }
  return Status::Ok();
}

Status EdgeRun::VisitSide(const GraphRecord& graph, EdgeSide side, EdgeOperation operation,
                          const Visitor& visit) const {
  DASHI_RETURN_IF_ERROR(VisitLists(graph, side, operation, visit));
  return side == EdgeSide::kIn ? VisitKeys(visit) : Status::Ok();
}

}  // namespace dashi::storage
