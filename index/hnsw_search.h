#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/mutex.h"
#include "index/best_candidates.h"
#include "index/hnsw_graph.h"
#include "index/vector_index.h"

namespace dashi::index {

/// Best-first search over a graph and its vectors.
///
/// Threads: const methods may be called at once; each borrows its own scratch memory.
/// Cost:    about 16 dot products for each place of the beam, and the memory of two bytes a vector
///          for each search that runs at the same time.
/// Paper:   Malkov & Yashunin 2018, Algorithms 2 and 5. Deviation: ties break by position.
class HnswSearcher {
 public:
  /// Borrows both.
  HnswSearcher(const HnswGraph& graph, HalfMatrixView vectors);
  ~HnswSearcher();

  /// Returns the best nodes that a beam of width `ef` > 0 finds, at most ef, best first. A graph
  /// whose parts are not connected may give fewer.
  ///
  /// Shape:  query [dim].
  /// Errors: kCancelled.
  Result<Shortlist> Search(std::span<const float> query, std::size_t ef,
                           const SearchOptions& options, std::size_t* num_visited) const;

 private:
  class VisitedSet;
  struct Scratch;

  std::unique_ptr<Scratch> Borrow() const DASHI_EXCLUDES(mutex_);
  void Return(std::unique_ptr<Scratch> scratch) const DASHI_EXCLUDES(mutex_);
  Candidate Descend(std::span<const float> query, Scratch& scratch) const;
  Status Expand(std::span<const float> query, Candidate start, const SearchOptions& options,
                Scratch& scratch) const;

  const HnswGraph& graph_;
  const HalfMatrixView vectors_;
  mutable Mutex mutex_;
  mutable std::vector<std::unique_ptr<Scratch>> idle_ DASHI_GUARDED_BY(mutex_);
};

}  // namespace dashi::index
