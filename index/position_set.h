#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "index/vector_index.h"

namespace dashi::index {

/// A set of an index's positions, with its exact size: what a filter leaves.
///
/// Threads: const methods may be called at once.
/// Cost:    the memory of a bit for each position of the index, or of four bytes for each member
///          where fewer than one position in 256 is in the set.
class PositionSet {
 public:
  /// No positions.
  PositionSet() = default;
  /// Shape: members ascending, each once, below `num_positions`.
  PositionSet(std::vector<Position> members, std::size_t num_positions);
  /// The positions below `num_positions` that `passes` holds for; asks for each once, ascending.
  static PositionSet Where(std::size_t num_positions, const std::function<bool(Position)>& passes);

  /// All positions below `num_positions` but some.  Shape: excluded ascending, each once.
  static PositionSet AllBut(std::span<const Position> excluded, std::size_t num_positions);

  /// Adds or removes one.  Cost: constant where there is a bit for each position, which there is
  /// afterwards.
  void Set(Position position, bool member);

  std::size_t size() const { return size_; }
  std::size_t num_positions() const { return num_positions_; }
  bool Contains(Position position) const {
    return words_.empty() ? IsListed(position)
                          : (words_[position / kWordBits] >> (position % kWordBits) & 1U) != 0;
  }
  /// Writes members from *next on, ascending, as many as there is room for, and moves *next behind
  /// them. Returns how many; 0 when none is left.
  std::size_t List(Position* next, std::span<Position> out) const;

  /// How many members two sets of the same positions share.  Cost: a pass over the shorter list, or
  /// over the words: some 5 us for a million positions.
  static std::size_t CountCommon(const PositionSet& a, const PositionSet& b);
  /// These members.
  static PositionSet Common(const PositionSet& a, const PositionSet& b);

 private:
  static constexpr std::size_t kWordBits = 64;

  bool IsListed(Position position) const;
  /// Calls body(position) for each member that both have, ascending.
  template <typename Body>
  static void ForEachCommon(const PositionSet& a, const PositionSet& b, const Body& body);
  std::size_t ListBits(Position* next, std::span<Position> out) const;

  std::size_t num_positions_ = 0;
  std::size_t size_ = 0;
  std::vector<Position> members_;     // Ascending; empty where there are words.
  std::vector<std::uint64_t> words_;  // A bit for each position; empty where members are listed.
};

}  // namespace dashi::index
