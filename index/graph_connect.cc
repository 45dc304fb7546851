#include "index/graph_connect.h"

#include <algorithm>
#include <vector>

#include "base/status.h"
#include "index/hnsw_search.h"
#include "index/vector_kernels.h"

namespace dashi::index {

namespace {

/// Searches between two calls of the progress function.
constexpr std::size_t kSearchesPerReport = 64;

/// The nodes that links of level 0 lead to.
class Reachable {
 public:
  explicit Reachable(const HnswGraph& graph) : graph_(graph), reached_(graph.num_nodes()) {}

  bool Contains(Position node) const { return reached_[node]; }
  /// Adds a node and all that it leads to.
  void Add(Position node) {
    Reach(node);
    while (!open_.empty()) {
      const Position next = open_.back();
      open_.pop_back();
      for (const Position link : graph_.Links(next, 0)) {
        Reach(link);
      }
    }
  }

 private:
  void Reach(Position node) {
    if (!reached_[node]) {
      reached_[node] = true;
      open_.push_back(node);
    }
  }

  const HnswGraph& graph_;
  std::vector<bool> reached_;
  std::vector<Position> open_;
};

/// Whether a room of links has a free place; adds the link there, or finds it there, if so.
bool AddLink(std::span<Position> room, Position link) {
  const auto place = std::find_if(room.begin(), room.end(), [link](Position other) {
    return other == HnswGraph::kNoLink || other == link;
  });
  if (place == room.end()) {
    return false;
  }
  *place = link;
  return true;
}

/// Has a link of one of the nodes found, best first, lead to a row.
void LinkTo(Position row, const Shortlist& found, HnswGraph* graph) {
  for (const Candidate& candidate : found) {
    if (AddLink(graph->Room(candidate.position, 0), row)) {
      AddLink(graph->Room(row, 0), candidate.position);  // And back, where there is room.
      return;
    }
  }
  Position& displaced = graph->Room(found.front().position, 0).back();
  const std::span<Position> room = graph->Room(row, 0);
  if (!AddLink(room, displaced)) {
    room.back() = displaced;  // What the row led to is reached on its own turn.
  }
  displaced = row;
}

}  // namespace

Result<std::size_t> ConnectRows(HalfMatrixView vectors, std::span<const Position> rows,
                                std::size_t ef, const LinkingControl& control, HnswGraph* graph) {
  if (rows.empty()) {
    return std::size_t{0};
  }
  DASHI_CHECK(graph->num_nodes() == vectors.rows &&
              std::binary_search(rows.begin(), rows.end(), graph->entry_point()));
  return CatchAsStatus("connection of a graph", [&]() -> Result<std::size_t> {
    Reachable reachable(*graph);
    reachable.Add(graph->entry_point());
    const HnswSearcher searcher(*graph, vectors);
    std::vector<float> query(vectors.dim);
    std::size_t num_added = 0;
    std::size_t num_visited = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (reachable.Contains(rows[i])) {
        continue;
      }
      if (num_added++ % kSearchesPerReport == 0 && !control.Report(i, rows.size())) {
        return Status::Cancelled("connection of a graph cancelled");
      }
      FromHalf(vectors.data + std::size_t{rows[i]} * vectors.dim, query.data(), vectors.dim);
      Shortlist found = searcher.SearchLevel(query, 0, ef, &num_visited);
      // Upper levels may lead to what level 0 does not reach.
      std::erase_if(found, [&](const Candidate& candidate) {
        return !reachable.Contains(candidate.position);
      });
      if (found.empty()) {
        found.push_back({graph->entry_point(), 0});
      }
      LinkTo(rows[i], found, graph);
      reachable.Add(rows[i]);
    }
    control.Count(num_visited);
    return num_added;
  });
}

}  // namespace dashi::index
