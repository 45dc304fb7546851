#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "index/hnsw_graph.h"
#include "index/vector_index.h"

namespace dashi::index {

/// Chooses the links of a node among candidates: the near ones of which none is nearer to a link
/// that was already chosen than to the node.
///
/// Threads: one thread at a time.
/// Cost:    a dot product for each candidate, and about four more to compare it with the chosen.
/// Paper:   Malkov & Yashunin 2018, Algorithm 4; of its options, pruned candidates are kept up to a
///          number. Deviation: inner product, for vectors of any length, instead of a distance;
///          ties break by position.
class LinkChooser {
 public:
  /// Borrows the vectors. `num_links_min`: how many links a node gets, if it has the candidates,
  /// whether one covers another or not.
  LinkChooser(HalfMatrixView vectors, std::size_t num_links_min);

  /// Forgets all candidates. The node will have at most so many, itself and repeated ones included.
  void Begin(Position node, std::size_t num_candidates_max);
  /// Adds what is neither the node nor a candidate yet. `via` is a candidate that these are linked
  /// from, or kNoLink: they are compared first with it, or with what covers it, since that is what
  /// most often covers them. It changes the cost, and never the outcome.
  void Add(std::span<const Position> positions, Position via);
  /// Adds one with its score.
  void AddScored(const Candidate& candidate);
  /// The best `count` of the candidates, best first, at most as many as there are. Valid until the
  /// next call of Nearest or Choose.
  std::span<const Position> Nearest(std::size_t count);
  /// Writes the chosen links, best first, at most room.size(), then kNoLink. When they are fewer
  /// than num_links_min, the nearest of the others follow them. Ends what Begin began.
  void Choose(std::span<Position> room);

  /// Adds the sources, which are linked to the node, to the links in a room of the node; when that
  /// has no place for all of them, it gets what Choose chooses among both.
  ///
  /// Shape:  sources distinct, without the node.
  void AddReverse(Position node, std::span<const Position> sources, std::span<Position> room);

  std::size_t num_candidates() const { return candidates_.size(); }
  /// Dot products computed since the chooser was made.
  std::uint64_t num_scored() const { return num_scored_; }

 private:
  static constexpr std::uint32_t kNoVia = 0xFFFFFFFF;

  struct Entry {
    Position position = 0;
    float score = 0;
    std::uint32_t via = kNoVia;  // an index of vias_
  };
  /// A candidate whose links are candidates too.
  struct Via {
    Position position = 0;
    /// Once looked at: itself if it was chosen, or else the chosen link that covers it.
    Position stand_in = HnswGraph::kNoLink;
  };

  const std::uint16_t* Row(Position position) const;
  bool InsertNew(Position position);
  Position FindCover(const Entry& entry);
  void Record(const Entry& entry, Position stand_in);

  const HalfMatrixView vectors_;
  const std::size_t num_links_min_;
  std::vector<float> query_;             // [dim]: the node
  std::vector<float> candidate_vector_;  // [dim]
  std::vector<Entry> candidates_;
  std::vector<Via> vias_;
  std::vector<Position> fresh_;
  std::vector<float> scores_;
  std::vector<Position> chosen_;
  std::uint64_t num_scored_ = 0;
  // A hash table of the candidates; an entry counts when its stamp is the node's.
  std::vector<std::uint64_t> table_;  // stamp in the upper half, position in the lower
  std::uint32_t stamp_ = 0;
};

}  // namespace dashi::index
