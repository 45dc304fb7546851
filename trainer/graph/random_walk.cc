#include "trainer/graph/random_walk.h"

#include <algorithm>
#include <map>

#include "base/random.h"
#include "base/status.h"

namespace dashi::trainer {

namespace {

using storage::Edge;
using storage::EdgeSide;
using storage::GraphNode;

// Of a list beside its nodes.
constexpr std::size_t kListBytes = 96;

std::uint64_t KeyOf(EdgeSide side, GraphNode node) {
  return static_cast<std::uint64_t>(side) << 40U | static_cast<std::uint64_t>(node.kind) << 32U |
         ToInteger(node.ordinal);
}

// Spreads seed, graph and node over the seeds of a generator (splitmix64).
std::uint64_t SeedOf(std::uint64_t seed, std::uint32_t graph, std::uint64_t key) {
  std::uint64_t mixed = seed;
  for (const std::uint64_t part : {std::uint64_t{graph}, key}) {
    mixed += part + 0x9E3779B97F4A7C15U;
    mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBU;
    mixed ^= mixed >> 31U;
  }
  return mixed;
}

EdgeSide OtherSide(EdgeSide side) {
  return side == EdgeSide::kOut ? EdgeSide::kIn : EdgeSide::kOut;
}

}  // namespace

NeighbourCache::NeighbourCache(const storage::View& view, const storage::GraphRecord& graph,
                               std::size_t bytes_max)
    : view_(view), graph_(graph), bytes_max_(bytes_max) {}

Result<const std::vector<GraphNode>*> NeighbourCache::Find(EdgeSide side, GraphNode node) {
  const auto found = lists_.find(KeyOf(side, node));
  if (found != lists_.end()) {
    return &found->second;
  }
  std::vector<GraphNode> neighbours;
  for (const EdgeSide one : {side, OtherSide(side)}) {
    if (one != side && graph_.directed) {
      continue;
    }
    DASHI_ASSIGN_OR_RETURN(const std::vector<Edge> edges, view_.EdgesOf(graph_, one, node));
    neighbours.reserve(neighbours.size() + edges.size());
    for (const Edge& edge : edges) {
      neighbours.push_back(edge.neighbour);
    }
  }
  if (!graph_.directed) {
    std::sort(neighbours.begin(), neighbours.end());
    neighbours.erase(std::unique(neighbours.begin(), neighbours.end()), neighbours.end());
  }
  if (bytes_ > bytes_max_) {
    lists_.clear();
    bytes_ = 0;
  }
  bytes_ += kListBytes + neighbours.size() * sizeof(GraphNode);
  return &lists_.emplace(KeyOf(side, node), std::move(neighbours)).first->second;
}

Result<std::vector<Visit>> WalkFrom(NeighbourCache& cache, EdgeSide side, GraphNode start,
                                    const WalkOptions& options) {
  Random random(SeedOf(options.seed, cache.graph().number, KeyOf(side, start)));
  std::map<GraphNode, std::uint32_t> counts;
  GraphNode at = start;
  for (std::uint32_t hop = 0; hop < options.hops; ++hop) {
    if (hop > 0 && random.UniformReal() < options.restart) {
      at = start;
    }
    DASHI_ASSIGN_OR_RETURN(const std::vector<GraphNode>* there, cache.Find(side, at));
    if (there->empty()) {
      return std::vector<Visit>();  // Only the start can have no neighbours.
    }
    const GraphNode visited = (*there)[random.Uniform(there->size())];
    ++counts[visited];
    DASHI_ASSIGN_OR_RETURN(const std::vector<GraphNode>* back,
                           cache.Find(OtherSide(side), visited));
    const bool is_head = options.head_degree > 0 && back->size() > options.head_degree;
    at = is_head || back->empty() ? start : (*back)[random.Uniform(back->size())];
  }
  std::vector<Visit> visits;
  visits.reserve(counts.size());
  for (const auto& [node, count] : counts) {
    visits.push_back({node, count});
  }
  std::stable_sort(visits.begin(), visits.end(),
                   [](const Visit& a, const Visit& b) { return a.count > b.count; });
  return visits;
}

}  // namespace dashi::trainer
