#include "index/hnsw_graph.h"

#include <algorithm>
#include <utility>

#include "base/status.h"

namespace dashi::index {

HnswGraph::HnswGraph(std::size_t num_links, std::vector<std::uint8_t> levels, Position entry_point)
    : num_links_(num_links), entry_point_(entry_point), levels_(std::move(levels)) {
  std::uint32_t num_upper_rooms = 0;
  upper_rooms_.reserve(levels_.size());
  for (const std::uint8_t level : levels_) {
    upper_rooms_.push_back(num_upper_rooms);
    num_upper_rooms += level;
  }
  base_links_.assign(levels_.size() * 2 * num_links_, kNoLink);
  upper_links_.assign(num_upper_rooms * num_links_, kNoLink);
}

HnswGraph::HnswGraph(const HnswGraphView& graph)
    : num_links_(graph.num_links),
      entry_point_(graph.entry_point),
      levels_(graph.levels.begin(), graph.levels.end()),
      upper_rooms_(graph.upper_rooms.begin(), graph.upper_rooms.end()),
      base_links_(graph.base_links.begin(), graph.base_links.end()),
      upper_links_(graph.upper_links.begin(), graph.upper_links.end()) {}

std::uint64_t HnswGraph::memory_bytes() const {
  return levels_.capacity() + upper_rooms_.capacity() * sizeof(std::uint32_t) +
         (base_links_.capacity() + upper_links_.capacity()) * sizeof(Position);
}

std::span<const Position> HnswGraphView::Room(Position node, std::uint32_t level) const {
  DASHI_DCHECK(level <= levels[node]);
  return level == 0 ? base_links.subspan(std::size_t{node} * 2 * num_links, 2 * num_links)
                    : upper_links.subspan((std::size_t{upper_rooms[node]} + level - 1) * num_links,
                                          num_links);
}

std::span<const Position> HnswGraphView::Links(Position node, std::uint32_t level) const {
  const std::span<const Position> room = Room(node, level);
  std::size_t size = 0;
  while (size < room.size() && room[size] != kNoLink) {
    ++size;
  }
  return room.first(size);
}

namespace {

/// Whether a node's room at a level holds links that name nodes which have it, and nothing behind.
bool IsSound(const HnswGraphView& graph, Position node, std::uint32_t level) {
  const std::span<const Position> room = graph.Room(node, level);
  const std::size_t size = graph.Links(node, level).size();
  for (std::size_t i = 0; i < room.size(); ++i) {
    const bool sound = i < size ? room[i] < graph.num_nodes() && graph.levels[room[i]] >= level
                                : room[i] == kNoLink;
    if (!sound) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string HnswGraphView::FindUpperFault() const {
  if (levels.empty()) {
    return "";
  }
  std::uint64_t num_upper_rooms = 0;
  std::uint8_t level_max = 0;
  for (Position node = 0; node < num_nodes(); ++node) {
    if (levels[node] > HnswGraph::kLevelMax) {
      return "level out of range";
    }
    if (upper_rooms[node] != num_upper_rooms) {
      return "rooms do not follow the levels";
    }
    num_upper_rooms += levels[node];
    level_max = std::max(level_max, levels[node]);
  }
  if (num_upper_rooms * num_links != upper_links.size()) {
    return "rooms do not follow the levels";
  }
  if (entry_point >= num_nodes() || levels[entry_point] != level_max) {
    return "entry point out of range";
  }
  for (Position node = 0; node < num_nodes(); ++node) {
    for (std::uint32_t level = 1; level <= levels[node]; ++level) {
      if (!IsSound(*this, node, level)) {
        return "link out of range";
      }
    }
  }
  return "";
}

std::string HnswGraphView::FindFault() const {
  std::string fault = FindUpperFault();
  for (Position node = 0; fault.empty() && node < num_nodes(); ++node) {
    if (!IsSound(*this, node, 0)) {
      fault = "link out of range";
    }
  }
  return fault;
}

std::span<const Position> HnswGraph::Room(Position node, std::uint32_t level) const {
  return view().Room(node, level);
}

std::span<Position> HnswGraph::Room(Position node, std::uint32_t level) {
  const std::span<const Position> room = view().Room(node, level);
  const std::span<Position> links = level == 0 ? base_links() : upper_links();
  return links.subspan(static_cast<std::size_t>(room.data() - links.data()), room.size());
}

std::span<const Position> HnswGraph::Links(Position node, std::uint32_t level) const {
  return view().Links(node, level);
}

std::string HnswGraph::FindFault() const { return view().FindFault(); }

Status CheckHnswOptions(const HnswOptions& options) {
  if (options.num_links < HnswGraph::kNumLinksMin || options.num_links > HnswGraph::kNumLinksMax) {
    return Status::InvalidArgument("HNSW link count out of range [2, 128]: " +
                                   std::to_string(options.num_links));
  }
  if (options.ef_construction < 1 || options.ef_construction > 100'000) {
    return Status::InvalidArgument("HNSW ef_construction out of range [1, 100000]: " +
                                   std::to_string(options.ef_construction));
  }
  if (options.ef_search < 1 || options.ef_search > HnswGraph::kEfSearchMax) {
    return Status::InvalidArgument("HNSW ef_search out of range [1, 1000000]: " +
                                   std::to_string(options.ef_search));
  }
  if (options.entry_percent.value_or(0) > HnswGraph::kEntryPercentMax) {
    return Status::InvalidArgument("HNSW entry percent out of range [0, 100]: " +
                                   std::to_string(*options.entry_percent));
  }
  return Status::Ok();
}

}  // namespace dashi::index
