#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "index/vector_index.h"
#include "trainer/retrieval/document_votes.h"

namespace dashi::query {

/// The training documents of a release, to ask those near to a query for their labels. As the
/// release has them: a document that was deleted since still votes, one that came since does not.
///
/// Errors:  as VectorIndex.
/// Threads: const methods may be called at once.
class VotingIndex {
 public:
  /// `labels`: of each vector of `documents`, as label positions of the release.
  VotingIndex(std::shared_ptr<const index::VectorIndex> documents, trainer::SparseRows labels);

  /// Votes for the embedding of a query, ascending by label position; none for the zero embedding.
  /// Of the options `exact` and `require_index` are looked at.
  /// Cost: a search for trainer::kVotingDocuments documents; all are scanned when `exact`.
  Result<std::vector<trainer::LabelVote>> Votes(std::span<const float> query,
                                                const index::SearchOptions& options) const;
  /// The same for many.  Shape: queries, result [n].
  Result<std::vector<std::vector<trainer::LabelVote>>> VotesBatch(
      index::FloatMatrixView queries, const index::SearchOptions& options, ThreadPool& pool) const;

  const index::VectorIndex& documents() const { return *documents_; }

 private:
  const std::shared_ptr<const index::VectorIndex> documents_;  // Sharers: who tends it.
  const trainer::SparseRows labels_;
};

}  // namespace dashi::query
