#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "dashi/status.h"
#include "storage/view.h"

namespace dashi::trainer {

/// The neighbours of nodes of one graph, read from the store and kept up to a number of bytes.
///
/// Errors:  those of the view, which must outlive it.
/// Threads: one thread at a time.
/// Cost:    a point read for a node that is not kept; all are forgotten once they fill the memory.
class NeighbourCache {
 public:
  NeighbourCache(const storage::View& view, const storage::GraphRecord& graph,
                 std::size_t bytes_max);

  /// The neighbours on a side, or in a graph that is not directed on both, ascending. Valid until
  /// the next call.
  Result<const std::vector<storage::GraphNode>*> Find(storage::EdgeSide side,
                                                      storage::GraphNode node);
  const storage::GraphRecord& graph() const { return graph_; }

 private:
  const storage::View& view_;
  const storage::GraphRecord graph_;
  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::unordered_map<std::uint64_t, std::vector<storage::GraphNode>> lists_;
};

struct WalkOptions {
  std::uint32_t hops = 400;
  /// Before every hop after the first the walk goes back to its start with this probability.
  double restart = 0.8;
  /// A neighbour with more edges on the other side than this ends the walk there: the next hop
  /// begins at the start. 0: none does.
  std::uint32_t head_degree = 500;
  std::uint64_t seed = 1;
};

/// A neighbour and how often a walk came by.
struct Visit {
  storage::GraphNode node;
  std::uint32_t count = 0;

  friend bool operator==(const Visit&, const Visit&) = default;
};

/// A random walk with restart on the bipartite graph of sources and targets. Each hop goes from a
/// node on the start's side to one of its neighbours, all alike, which is visited; then on to a
/// node on the start's side that has it for a neighbour. The same seed gives the same walk from a
/// start, whatever was walked before.
///
/// Shape:   `side` kOut starts at a source and visits targets; kIn the other way round. The result
///          descends by count, then ascends by node; counts add up to `hops`, or there is none.
/// Cost:    2 reads of the cache a hop at most; memory for the visits.
/// Paper:   Mittal et al., RAMEN (WWW 2025), appendix A: 400 hops, restart 0.8.
Result<std::vector<Visit>> WalkFrom(NeighbourCache& cache, storage::EdgeSide side,
                                    storage::GraphNode start, const WalkOptions& options);

}  // namespace dashi::trainer
