#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/mutex.h"
#include "index/best_candidates.h"
#include "index/graph_parts.h"
#include "index/position_set.h"
#include "index/row_codes.h"
#include "index/vector_index.h"

namespace dashi::index {

/// What a walk looks for among all nodes that it meets.
struct PassingNodes {
  const PositionSet& passing;
  DuplicateRowsView duplicates;       ///< a node counts when one of its duplicates passes, too
  const std::vector<bool>& repeated;  ///< [num_nodes] which have duplicates; empty: none has
  std::size_t num_passing = 0;        ///< how many of the rows that the graph links pass
  std::size_t num_linked = 0;         ///< how many rows that are, duplicates included

  bool Contains(Position node) const {
    return passing.Contains(node) ||
           (!repeated.empty() && repeated[node] && ContainsDuplicateOf(node));
  }
  bool ContainsDuplicateOf(Position node) const;
};

/// How far a walk has come.
struct WalkProgress {
  std::size_t num_visited = 0;           ///< nodes whose score was computed
  std::size_t num_expanded = 0;          ///< whose links were followed: the best ones
  std::size_t num_passing_expanded = 0;  ///< those that pass among them
  std::size_t num_widened = 0;           ///< places that the beam has beyond those it began with
};

/// Best-first search over a graph and its vectors. With codes it walks by them, and the vectors
/// score what it found.
///
/// Threads: const methods may be called at once; each borrows its own scratch memory.
/// Cost:    about 16 dot products for each place of the beam, and the memory of two bytes a vector
///          for each search that runs at the same time.
/// Paper:   Malkov & Yashunin 2018, Algorithms 2 and 5. Deviation: ties break by position; where
///          GraphParts::entry_percent says so, level 1 is searched by a beam as well, all of which
///          enters level 0.
class HnswSearcher {
 public:
  /// Borrows what the parts borrow. Duplicates are not looked at.
  explicit HnswSearcher(const GraphParts& parts);
  /// Of a graph in memory, walked by its vectors. Its links may change between searches.
  HnswSearcher(const HnswGraph& graph, HalfMatrixView vectors);
  ~HnswSearcher();

  /// Returns the best nodes that a beam of width `ef` > 0 finds, at most ef, best first, with their
  /// exact scores; with codes only those that may be among the best `num_wanted` of them. A graph
  /// whose parts are not connected may give fewer.
  ///
  /// Shape:  query [dim].
  /// Errors: kCancelled; what is wrong with the blocks that it needs, where parts have blocks.
  Result<Shortlist> Search(std::span<const float> query, std::size_t ef, std::size_t num_wanted,
                           const SearchOptions& options, std::size_t* num_visited) const;

  /// The same among nodes that pass: the beam holds those alone, while the walk goes through the
  /// others too, until none that it could go on from is better than the worst of a full beam. Where
  /// more than an even share of the best nodes do not pass, the beam becomes wider by twice as
  /// many, since what it looks for stands further behind. Gives nullopt when `goes_on`, asked every
  /// few expansions, says no. Duplicates of what is returned may pass where it does not.
  Result<std::optional<Shortlist>> SearchPassing(
      std::span<const float> query, std::size_t ef, std::size_t num_wanted,
      const PassingNodes& nodes, const std::function<bool(const WalkProgress&)>& goes_on,
      const SearchOptions& options, WalkProgress* progress) const;

  /// Returns the best nodes of one of the graph's levels that a beam of width `ef` > 0 finds, best
  /// first: what a new node is linked to there. None if the entry point lies below the level.
  ///
  /// Shape:  query [dim].
  Shortlist SearchLevel(std::span<const float> query, std::uint32_t level, std::size_t ef,
                        std::size_t* num_visited) const;

 private:
  class VisitedSet;
  struct Scratch;

  std::unique_ptr<Scratch> Borrow() const DASHI_EXCLUDES(mutex_);
  std::unique_ptr<Scratch> BorrowFor(std::span<const float> query, std::size_t ef) const;
  void Return(std::unique_ptr<Scratch> scratch) const DASHI_EXCLUDES(mutex_);
  bool ScoreByVectors(std::span<const Position> positions, Scratch& scratch) const;
  bool ScoreAt(std::span<const Position> positions, Scratch& scratch) const;
  bool Descend(std::uint32_t level_wanted, Scratch& scratch) const;
  Status Enter(const SearchOptions& options, Scratch& scratch) const;
  bool ScoreFreshLinks(Position node, std::uint32_t level, Scratch& scratch) const;
  Status Expand(std::uint32_t level, const SearchOptions& options, Scratch& scratch) const;
  Result<bool> ExpandPassing(const PassingNodes& nodes,
                             const std::function<bool(const WalkProgress&)>& goes_on,
                             const SearchOptions& options, Scratch& scratch,
                             WalkProgress* progress) const;
  Status TakeBeam(std::size_t num_wanted, Scratch& scratch, Shortlist* found) const;
  Status Rescore(std::size_t num_wanted, Scratch& scratch, Shortlist* found) const;

  const HnswGraphView graph_;
  const HalfMatrixView vectors_;
  const RowCodesView codes_;
  const std::uint32_t entry_percent_;
  const VerifiedBlocks* const blocks_;
  mutable Mutex mutex_;
  mutable std::vector<std::unique_ptr<Scratch>> idle_ DASHI_GUARDED_BY(mutex_);
};

}  // namespace dashi::index
