#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <string_view>

#include "index/vector_index.h"
#include "query/release_cache.h"
#include "trainer/bag_tokenizer.h"

namespace dashi::query {

/// How many labels are fetched for a query that wants k, when a ranker orders them anew: at least
/// 100, so that a label which only its words speak for is among them.
std::size_t RankedShortlistSize(std::size_t k);

/// Orders the shortlists of one query by a release's ranker: score = dense score + fusion_ranker *
/// ranker's score, ties by ascending position; a label that came after the release has 0 there.
/// Shortlists that come later hold labels that the dense score ranks lower; none of them gets a
/// score above the lowest one that an earlier shortlist had, so that all of them together are in
/// order.
///
/// Threads: one thread at a time. Must not outlive the release.
class ShortlistRanking {
 public:
  /// `release` must have a ranker.
  ShortlistRanking(const ServingRelease& release, std::string_view query);

  /// Adds the labels that the query's words speak for and that `shortlist` lacks, with their dense
  /// scores; none where the release's ranker adds none. Shape: query [dim]; `labels` the release's,
  /// maybe with others after them.
  void AddByWords(const index::VectorIndex& labels, std::span<const float> query,
                  const std::function<bool(index::Position)>& is_wanted,
                  index::Shortlist* shortlist) const;

  void Order(index::Shortlist* shortlist);

 private:
  const ServingRelease& release_;
  const trainer::TokenBag features_;
  float lowest_ = std::numeric_limits<float>::infinity();
};

}  // namespace dashi::query
