#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "index/best_candidates.h"
#include "index/hnsw_graph.h"

namespace dashi::index {

/// RelinkChunk and MergeReverse as the papers have them: one node after the other, one product
/// after the other, in plain C++.
class NaiveRelinker {
 public:
  /// Shape: vectors [graph.num_nodes(), dim].
  NaiveRelinker(const HnswGraph& graph, const std::vector<float>& vectors, std::size_t dim)
      : graph_(graph), vectors_(vectors), dim_(dim) {}

  HnswGraph Relink() const {
    HnswGraph forward = graph_;
    for (Position node = 0; node < graph_.num_nodes(); ++node) {
      for (std::uint32_t level = 0; level <= graph_.level(node); ++level) {
        Write(Choose(node, Candidates(node, level), forward.Room(node, level).size()),
              forward.Room(node, level));
      }
    }
    HnswGraph merged = forward;
    for (Position node = 0; node < graph_.num_nodes(); ++node) {
      for (std::uint32_t level = 0; level <= graph_.level(node); ++level) {
        const auto links = forward.Links(node, level);
        std::vector<Position> all(links.begin(), links.end());
        for (Position source = 0; source < graph_.num_nodes(); ++source) {
          if (graph_.level(source) >= level && Has(forward.Links(source, level), node) &&
              !Has(all, source)) {
            all.push_back(source);
          }
        }
        const auto room = merged.Room(node, level);
        Write(all.size() <= room.size() ? all : Choose(node, all, room.size()), room);
      }
    }
    return merged;
  }

 private:
  static bool Has(std::span<const Position> positions, Position wanted) {
    return std::find(positions.begin(), positions.end(), wanted) != positions.end();
  }
  static void Write(const std::vector<Position>& links, std::span<Position> room) {
    std::fill(room.begin(), room.end(), HnswGraph::kNoLink);
    std::copy(links.begin(), links.end(), room.begin());
  }

  float Product(Position a, Position b) const {
    float sum = 0;
    for (std::size_t i = 0; i < dim_; ++i) {
      sum += vectors_[a * dim_ + i] * vectors_[b * dim_ + i];
    }
    return sum;
  }

  std::vector<Candidate> Sorted(Position node, const std::vector<Position>& positions) const {
    std::vector<Candidate> sorted;
    sorted.reserve(positions.size());
    for (const Position position : positions) {
      sorted.push_back({position, Product(node, position)});
    }
    std::sort(sorted.begin(), sorted.end(), IsBetter);
    return sorted;
  }

  std::vector<Position> Candidates(Position node, std::uint32_t level) const {
    const auto links = graph_.Links(node, level);
    std::vector<Position> candidates(links.begin(), links.end());
    const std::vector<Candidate> nearest = Sorted(node, candidates);
    for (std::size_t i = 0; i < std::min<std::size_t>(12, nearest.size()); ++i) {
      for (const Position link : graph_.Links(nearest[i].position, level)) {
        if (link != node && !Has(candidates, link)) {
          candidates.push_back(link);
        }
      }
    }
    return candidates;
  }

  std::vector<Position> Choose(Position node, const std::vector<Position>& candidates,
                               std::size_t size_max) const {
    std::vector<Position> chosen;
    std::vector<Position> covered;
    for (const Candidate& candidate : Sorted(node, candidates)) {
      const bool is_covered = std::any_of(chosen.begin(), chosen.end(), [&](Position link) {
        return Product(candidate.position, link) > candidate.score;
      });
      if (chosen.size() < size_max) {
        (is_covered ? covered : chosen).push_back(candidate.position);
      }
    }
    const std::size_t size_min = graph_.num_links() * 3 / 4;
    for (std::size_t i = 0; i < covered.size() && chosen.size() < size_min; ++i) {
      chosen.push_back(covered[i]);
    }
    return chosen;
  }

  const HnswGraph& graph_;
  const std::vector<float>& vectors_;
  std::size_t dim_;
};

}  // namespace dashi::index
