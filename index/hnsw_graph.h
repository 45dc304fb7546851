#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "index/vector_index.h"

namespace dashi::index {

/// Ends a list of links that is not full.
inline constexpr Position kNoLink = 0xFFFFFFFF;

/// The links of a hierarchical navigable small world graph, borrowed.
struct HnswGraphView {
  std::size_t num_links = 0;             ///< M: level 0 has room for 2 M links, the others for M
  Position entry_point = 0;              ///< a node of the highest level; meaningless without nodes
  std::span<const std::uint8_t> levels;  ///< [num_nodes]
  std::span<const std::uint32_t> upper_rooms;  ///< [num_nodes] rooms above level 0 of earlier nodes
  std::span<const Position> base_links;        ///< [num_nodes, 2 * num_links]
  std::span<const Position> upper_links;       ///< [sum of levels, num_links]

  std::size_t num_nodes() const { return levels.size(); }
  /// The room for a node's links at one of its levels; links stand first, then kNoLink.
  std::span<const Position> Room(Position node, std::uint32_t level) const;
  /// The links of a node at one of its levels.
  std::span<const Position> Links(Position node, std::uint32_t level) const;

  /// Has a node's links at level 0 fetched into the cache.
  void PrefetchLinks(Position node) const {
    constexpr std::size_t kLinksPerLine = 64 / sizeof(Position);
    const Position* room = base_links.data() + std::size_t{node} * 2 * num_links;
    for (std::size_t i = 0; i < 2 * num_links; i += kLinksPerLine) {
      __builtin_prefetch(room + i);
    }
  }

  /// Returns what is wrong above level 0 and with the entry point, or nothing.
  std::string FindUpperFault() const;
  /// The same of the whole graph: every link must name a node that has the link's level, and the
  /// entry point must have the highest level.
  std::string FindFault() const;
};

/// The links of a hierarchical navigable small world graph, without vectors.
///
/// Threads: a value type.
class HnswGraph {
 public:
  static constexpr Position kNoLink = index::kNoLink;
  static constexpr std::size_t kNumLinksMin = 2;
  static constexpr std::size_t kNumLinksMax = 128;
  static constexpr std::uint32_t kLevelMax = 62;
  static constexpr std::size_t kEfSearchMax = 1'000'000;
  static constexpr std::uint32_t kEntryPercentMax = 100;

  HnswGraph() = default;
  /// A graph without links.  Shape: levels [num_nodes], each <= kLevelMax.
  HnswGraph(std::size_t num_links, std::vector<std::uint8_t> levels, Position entry_point);
  /// A copy of another's links.
  explicit HnswGraph(const HnswGraphView& graph);

  std::size_t num_nodes() const { return levels_.size(); }
  /// M: level 0 has room for 2 M links, the others for M.
  std::size_t num_links() const { return num_links_; }
  /// A node of the highest level; meaningless without nodes.
  Position entry_point() const { return entry_point_; }
  std::uint32_t level(Position node) const { return levels_[node]; }
  std::span<const std::uint8_t> levels() const { return levels_; }
  std::uint64_t memory_bytes() const;

  HnswGraphView view() const {
    return {num_links_, entry_point_, levels_, upper_rooms_, base_links_, upper_links_};
  }

  /// The room for a node's links at one of its levels; links stand first, then kNoLink.
  std::span<const Position> Room(Position node, std::uint32_t level) const;
  std::span<Position> Room(Position node, std::uint32_t level);
  /// The links of a node at one of its levels.
  std::span<const Position> Links(Position node, std::uint32_t level) const;

  /// All rooms of level 0 by node, and all others by node, then level.
  std::span<const Position> base_links() const { return base_links_; }
  std::span<Position> base_links() { return base_links_; }
  std::span<const Position> upper_links() const { return upper_links_; }
  std::span<Position> upper_links() { return upper_links_; }

  /// Returns what is wrong with the graph, or nothing: every link must name a node that has the
  /// link's level, and the entry point must have the highest level.
  std::string FindFault() const;

 private:
  std::size_t num_links_ = 0;
  Position entry_point_ = 0;
  std::vector<std::uint8_t> levels_;        // [num_nodes]
  std::vector<std::uint32_t> upper_rooms_;  // [num_nodes]: rooms of levels > 0 of earlier nodes
  std::vector<Position> base_links_;        // [num_nodes, 2 * num_links]
  std::vector<Position> upper_links_;       // [sum of levels, num_links]
};

/// Errors: kInvalidArgument for options out of range.
Status CheckHnswOptions(const HnswOptions& options);

}  // namespace dashi::index
