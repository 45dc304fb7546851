#pragma once

#include <algorithm>
#include <cstddef>

#include "index/vector_index.h"

namespace dashi::index {

/// Orders candidates: higher scores first, ties by ascending position.
inline bool IsBetter(const Candidate& a, const Candidate& b) {
  return a.score > b.score || (a.score == b.score && a.position < b.position);
}

/// Keeps the best of the candidates offered, at most `capacity`, in a heap whose root is the worst.
/// A score that is not a number counts as minus infinity.
///
/// Threads: one thread at a time.
/// Cost:    O(log capacity) an accepted offer.
class BestCandidates {
 public:
  /// `capacity` > 0.
  explicit BestCandidates(std::size_t capacity);

  std::size_t capacity() const { return capacity_; }
  bool full() const { return heap_.size() == capacity_; }
  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  /// The worst kept candidate; only when not empty.
  const Candidate& worst() const { return heap_.front(); }

  /// Makes room for more; not for fewer. What was refused before stays so.
  void Grow(std::size_t capacity) { capacity_ = std::max(capacity_, capacity); }
  /// Forgets everything, keeping the memory.
  void Reset(std::size_t capacity);
  void Offer(Position position, float score);
  /// Offers scores[i] for position first + i, skipping quickly what cannot enter. Positions must
  /// ascend from call to call.
  void OfferRange(Position first, const float* scores, std::size_t size);
  /// The same for positions[i], ascending.
  void OfferAt(const Position* positions, const float* scores, std::size_t size);
  /// Returns what was kept, best first, and forgets it, keeping the memory.
  Shortlist TakeSorted();

 private:
  std::size_t capacity_;
  std::vector<Candidate> heap_;
};

}  // namespace dashi::index
