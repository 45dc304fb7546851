#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "index/vector_index.h"
#include "query/release_cache.h"
#include "trainer/bag_tokenizer.h"
#include "trainer/retrieval/document_votes.h"

namespace dashi::query {

/// How many labels are fetched for a query that wants k, when a ranking orders them anew: at least
/// 100, so that a label which only its words speak for is among them.
std::size_t RankedShortlistSize(std::size_t k);

/// Orders the shortlists of one query by what a release has beside its vectors: score = dense score
/// + fusion_ranker * ranker's score + fusion_votes * votes of the nearest documents, ties by
/// ascending position; a label that came after the release has 0 in both. Shortlists that come
/// later hold labels that the dense score ranks lower; none of them gets a score above the lowest
/// one that an earlier shortlist had, so that all of them together are in order.
///
/// Threads: one thread at a time. Must not outlive the release.
class ShortlistRanking {
 public:
  /// `ranked`: by the release's ranker, which it must have then. `votes` ascending by label
  /// position; empty: there are none.
  ShortlistRanking(const ServingRelease& release, std::string_view query, bool ranked,
                   std::vector<trainer::LabelVote> votes);

  /// Adds the labels that the query's words or votes speak for and that `shortlist` lacks, with
  /// their dense scores; none by words where the release's ranker adds none. Shape: query [dim];
  /// `labels` the release's, maybe with others after them.
  ///
  /// Errors: as VectorIndex::Reconstruct.
  Status AddLabels(const index::VectorIndex& labels, std::span<const float> query,
                   const std::function<bool(index::Position)>& is_wanted,
                   index::Shortlist* shortlist) const;

  void Order(index::Shortlist* shortlist);

 private:
  void AddRankerScores(index::Shortlist* shortlist) const;
  void AddVotes(index::Shortlist* shortlist) const;

  const ServingRelease& release_;
  const bool ranked_;
  const trainer::TokenBag features_;
  const std::vector<trainer::LabelVote> votes_;
  float lowest_ = std::numeric_limits<float>::infinity();
};

}  // namespace dashi::query
