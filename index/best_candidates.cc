#include "index/best_candidates.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/status.h"
#include "index/vector_kernels.h"

namespace dashi::index {

BestCandidates::BestCandidates(std::size_t capacity) : capacity_(capacity) {
  DASHI_DCHECK(capacity > 0);
  heap_.reserve(capacity);
}

void BestCandidates::Reset(std::size_t capacity) {
  DASHI_DCHECK(capacity > 0);
  capacity_ = capacity;
  heap_.clear();
  heap_.reserve(capacity);
}

void BestCandidates::Offer(Position position, float score) {
  const Candidate offered{position,
                          std::isnan(score) ? -std::numeric_limits<float>::infinity() : score};
  if (!full()) {
    heap_.push_back(offered);
    std::push_heap(heap_.begin(), heap_.end(), IsBetter);
    return;
  }
  if (!IsBetter(offered, heap_.front())) {
    return;
  }
  std::pop_heap(heap_.begin(), heap_.end(), IsBetter);
  heap_.back() = offered;
  std::push_heap(heap_.begin(), heap_.end(), IsBetter);
}

void BestCandidates::OfferRange(Position first, const float* scores, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    if (full()) {
      i = FindAbove(scores, i, size, worst().score);
      if (i == size) {
        return;
      }
    }
    Offer(first + static_cast<Position>(i), scores[i]);
  }
}

void BestCandidates::OfferAt(const Position* positions, const float* scores, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    if (full()) {
      i = FindAbove(scores, i, size, worst().score);
      if (i == size) {
        return;
      }
    }
    Offer(positions[i], scores[i]);
  }
}

Shortlist BestCandidates::TakeSorted() {
  std::sort(heap_.begin(), heap_.end(), IsBetter);
  Shortlist sorted(heap_.begin(), heap_.end());
  heap_.clear();
  return sorted;
}

}  // namespace dashi::index
