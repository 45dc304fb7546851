#include "index/graph_transfer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/status.h"

namespace dashi::index {

namespace {

/// Rows that are gone whose links are looked at, for one list of links.
constexpr std::size_t kBridgesMax = 64;

/// Renumbers lists of links.
class LinkTransfer {
 public:
  /// Shape: new_positions [old nodes]: kNoLink for a row that is gone.
  LinkTransfer(const HnswGraph& old_graph, std::vector<Position> new_positions)
      : old_graph_(old_graph), new_positions_(std::move(new_positions)) {
    links_.reserve(2 * HnswGraph::kNumLinksMax);
    gone_.reserve(kBridgesMax);
  }

  /// Writes the links that an old node has at a level, and those that stand in for lost ones.
  void Write(Position old_node, std::uint32_t level, std::span<Position> room) {
    const std::span<const Position> old_links = old_graph_.Links(old_node, level);
    links_.clear();
    gone_.clear();
    for (const Position link : old_links) {
      if (new_positions_[link] != HnswGraph::kNoLink) {
        links_.push_back(new_positions_[link]);
      } else {
        AddGone(link);
      }
    }
    for (std::size_t i = 0; i < gone_.size() && links_.size() < old_links.size(); ++i) {
      Bridge(gone_[i], level, new_positions_[old_node], old_links.size());
    }
    std::copy(links_.begin(), links_.end(), room.begin());
  }

 private:
  void AddGone(Position old_node) {
    if (gone_.size() < kBridgesMax &&
        std::find(gone_.begin(), gone_.end(), old_node) == gone_.end()) {
      gone_.push_back(old_node);
    }
  }

  /// Adds the links of a row that is gone, and notes which of them are gone too.
  void Bridge(Position gone, std::uint32_t level, Position node, std::size_t size_max) {
    for (const Position link : old_graph_.Links(gone, level)) {
      const Position target = new_positions_[link];
      if (target == HnswGraph::kNoLink) {
        AddGone(link);
      } else if (target != node && links_.size() < size_max &&
                 std::find(links_.begin(), links_.end(), target) == links_.end()) {
        links_.push_back(target);
      }
    }
  }

  const HnswGraph& old_graph_;
  const std::vector<Position> new_positions_;
  std::vector<Position> links_;
  std::vector<Position> gone_;  // old positions, near ones first
};

Status CheckRows(std::span<const Position> linked_rows, std::size_t num_rows) {
  for (std::size_t i = 0; i < linked_rows.size(); ++i) {
    if (linked_rows[i] >= num_rows || (i > 0 && linked_rows[i] <= linked_rows[i - 1])) {
      return Status::InvalidArgument("rows to link out of range or order: " +
                                     std::to_string(linked_rows[i]));
    }
  }
  return Status::Ok();
}

/// Whether rows link to and from a node, which is never so for one that was left out.
bool IsLinked(const HnswGraph& graph, Position node) {
  return node == graph.entry_point() || !graph.Links(node, 0).empty();
}

}  // namespace

Result<TransferredGraph> TransferGraph(const HnswGraph& old_graph,
                                       std::span<const Position> old_positions,
                                       std::span<const Position> linked_rows) {
  DASHI_RETURN_IF_ERROR(CheckRows(linked_rows, old_positions.size()));
  return CatchAsStatus("graph transfer", [&]() -> Result<TransferredGraph> {
    std::vector<bool> given(old_graph.num_nodes());
    for (const Position old : old_positions) {
      if (old != kNewRow && (old >= given.size() || given[old])) {
        return Status::InvalidArgument("old position out of range or given twice: " +
                                       std::to_string(old));
      }
      if (old != kNewRow) {
        given[old] = true;
      }
    }
    TransferredGraph transferred;
    transferred.unlinked.reserve(linked_rows.size());
    std::vector<Position> carried;
    carried.reserve(linked_rows.size());
    std::vector<std::uint8_t> levels(old_positions.size(), 0);
    std::vector<Position> new_positions(old_graph.num_nodes(), HnswGraph::kNoLink);
    Position entry_point = linked_rows.empty() ? 0 : linked_rows.front();
    for (const Position row : linked_rows) {
      const Position old = old_positions[row];
      if (old == kNewRow || !IsLinked(old_graph, old)) {
        transferred.unlinked.push_back(row);
        continue;
      }
      new_positions[old] = row;
      levels[row] = static_cast<std::uint8_t>(old_graph.level(old));
      const bool is_first = carried.empty();
      if (is_first || levels[row] > levels[entry_point] || old == old_graph.entry_point()) {
        entry_point = row;
      }
      carried.push_back(row);
    }
    transferred.graph = HnswGraph(old_graph.num_links(), std::move(levels), entry_point);
    LinkTransfer transfer(old_graph, std::move(new_positions));
    for (const Position row : carried) {
      for (std::uint32_t level = 0; level <= transferred.graph.level(row); ++level) {
        transfer.Write(old_positions[row], level, transferred.graph.Room(row, level));
      }
    }
    return transferred;
  });
}

}  // namespace dashi::index
