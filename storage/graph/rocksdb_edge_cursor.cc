#include "storage/graph/rocksdb_edge_cursor.h"

#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/status.h"

namespace dashi::storage {

namespace {

class RocksdbEdgeCursor : public EdgeCursor {
 public:
  RocksdbEdgeCursor(KeyWalk walk, const GraphRecord& graph, EdgeSide side,
                    const PendingEdges* pending)
      : walk_(std::move(walk)), graph_(graph), side_(side), pending_(pending) {}

  Result<bool> Next() override {
    while (true) {
      if (!stored_read_ && !stored_ended_) {
        DASHI_RETURN_IF_ERROR(ReadStored());
      }
      const std::optional<GraphNode> pending = NextPending();
      if (stored_ended_ && !pending) {
        return false;
      }
      const bool take_stored = !stored_ended_ && (!pending || stored_node_ <= *pending);
      node_ = take_stored ? stored_node_ : *pending;
      visited_ = true;
      edges_.clear();
      if (take_stored) {
        stored_read_ = false;
        edges_.swap(stored_edges_);
      }
      if (pending == node_) {
        edges_ = ApplyEdgeChanges(graph_.half_life_micros, edges_,
                                  pending_->ChangesOf({graph_.number, side_, node_}));
      }
      if (!edges_.empty()) {
        return true;
      }
    }
  }
  GraphNode node() const override { return node_; }
  const std::vector<Edge>& edges() const override { return edges_; }

 private:
  Status ReadStored() {
    DASHI_ASSIGN_OR_RETURN(const bool more, walk_.Next());
    if (!more) {
      stored_ended_ = true;
      return Status::Ok();
    }
    std::uint32_t graph = 0;
    EdgeSide side{};
    if (!ParseEdgeKey(walk_.key(), &graph, &side, &stored_node_)) {
      return Status::Corruption(
          fmt::format("edges of graph {} have a key that is no node", graph_.name));
    }
    if (!DecodeEdges(walk_.value(), &stored_edges_)) {
      return DamagedEdges(graph_, side_, stored_node_);
    }
    stored_read_ = true;
    return Status::Ok();
  }

  // The first node with pending changes behind the one visited last.
  std::optional<GraphNode> NextPending() const {
    if (pending_ == nullptr) {
      return std::nullopt;
    }
    const PendingEdges::Lists& lists = pending_->lists();
    const auto found = visited_ ? lists.upper_bound({graph_.number, side_, node_})
                                : lists.lower_bound({graph_.number, side_, GraphNode{}});
    return found == lists.end() || found->first.graph != graph_.number || found->first.side != side_
               ? std::nullopt
               : std::optional<GraphNode>(found->first.node);
  }

  KeyWalk walk_;
  const GraphRecord graph_;
  const EdgeSide side_;
  const PendingEdges* pending_;
  bool stored_read_ = false;  // stored_node_ waits to be visited
  bool stored_ended_ = false;
  bool visited_ = false;
  GraphNode stored_node_;
  std::vector<Edge> stored_edges_;
  GraphNode node_;
  std::vector<Edge> edges_;
};

}  // namespace

std::unique_ptr<EdgeCursor> NewEdgeCursor(KeyWalk walk, const GraphRecord& graph, EdgeSide side,
                                          const PendingEdges* pending) {
  return std::make_unique<RocksdbEdgeCursor>(std::move(walk), graph, side, pending);
}

Status DamagedEdges(const GraphRecord& graph, EdgeSide side, GraphNode node) {
  return Status::Corruption(fmt::format("edges of graph {} {} {} with ordinal {} cannot be decoded",
                                        graph.name, side == EdgeSide::kOut ? "from" : "to",
                                        EntityTableName(node.kind), ToInteger(node.ordinal)));
}

}  // namespace dashi::storage
