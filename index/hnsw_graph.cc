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

std::uint64_t HnswGraph::memory_bytes() const {
  return levels_.capacity() + upper_rooms_.capacity() * sizeof(std::uint32_t) +
         (base_links_.capacity() + upper_links_.capacity()) * sizeof(Position);
}

std::size_t HnswGraph::RoomBegin(Position node, std::uint32_t level) const {
  DASHI_DCHECK(level <= levels_[node]);
  return level == 0 ? std::size_t{node} * 2 * num_links_
                    : (std::size_t{upper_rooms_[node]} + level - 1) * num_links_;
}

std::span<const Position> HnswGraph::Room(Position node, std::uint32_t level) const {
  return level == 0 ? base_links().subspan(RoomBegin(node, 0), 2 * num_links_)
                    : upper_links().subspan(RoomBegin(node, level), num_links_);
}

std::span<Position> HnswGraph::Room(Position node, std::uint32_t level) {
  return level == 0 ? base_links().subspan(RoomBegin(node, 0), 2 * num_links_)
                    : upper_links().subspan(RoomBegin(node, level), num_links_);
}

std::span<const Position> HnswGraph::Links(Position node, std::uint32_t level) const {
  const std::span<const Position> room = Room(node, level);
  std::size_t size = 0;
  while (size < room.size() && room[size] != kNoLink) {
    ++size;
  }
  return room.first(size);
}

std::string HnswGraph::FindFault() const {
  if (levels_.empty()) {
    return "";
  }
  const std::uint8_t level_max = *std::max_element(levels_.begin(), levels_.end());
  if (level_max > kLevelMax) {
    return "level out of range";
  }
  if (entry_point_ >= levels_.size() || levels_[entry_point_] != level_max) {
    return "entry point out of range";
  }
  for (Position node = 0; node < levels_.size(); ++node) {
    for (std::uint32_t level = 0; level <= levels_[node]; ++level) {
      const std::span<const Position> room = Room(node, level);
      const std::size_t size = Links(node, level).size();
      for (std::size_t i = 0; i < room.size(); ++i) {
        if (i < size ? room[i] >= levels_.size() || levels_[room[i]] < level : room[i] != kNoLink) {
          return "link out of range";
        }
      }
    }
  }
  return "";
}

}  // namespace dashi::index
