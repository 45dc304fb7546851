#include "query/voting_index.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "trainer/retrieval/voting_documents.h"

namespace dashi::query {
namespace {

using trainer::LabelVote;

index::SearchOptions Wanted(const index::SearchOptions& options) {
  index::SearchOptions search;
  search.m = trainer::kVotingDocuments;
  search.exact = options.exact;
  search.require_index = options.require_index;
  return search;
}

/// A text without a known word has the zero embedding: nothing is near it.
bool IsZero(std::span<const float> query) {
  return std::all_of(query.begin(), query.end(), [](float x) { return x == 0.0F; });
}

}  // namespace

VotingIndex::VotingIndex(std::shared_ptr<const index::VectorIndex> documents,
                         trainer::SparseRows labels)
    : documents_(std::move(documents)), labels_(std::move(labels)) {}

Result<std::vector<LabelVote>> VotingIndex::Votes(std::span<const float> query,
                                                  const index::SearchOptions& options) const {
  if (IsZero(query)) {
    return std::vector<LabelVote>();
  }
  DASHI_ASSIGN_OR_RETURN(const index::Shortlist nearest,
                         documents_->Search(query, Wanted(options), nullptr));
  return trainer::CountVotes(nearest, labels_);
}

Result<std::vector<std::vector<LabelVote>>> VotingIndex::VotesBatch(
    index::FloatMatrixView queries, const index::SearchOptions& options, ThreadPool& pool) const {
  DASHI_ASSIGN_OR_RETURN(const std::vector<index::Shortlist> nearest,
                         documents_->SearchBatch(queries, Wanted(options), pool));
  std::vector<std::vector<LabelVote>> votes(queries.rows);
  for (std::size_t i = 0; i < queries.rows; ++i) {
    if (!IsZero({queries.data + i * queries.dim, queries.dim})) {
      votes[i] = trainer::CountVotes(nearest[i], labels_);
    }
  }
  return votes;
}

}  // namespace dashi::query
