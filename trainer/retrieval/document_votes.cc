#include "trainer/retrieval/document_votes.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "index/vector_kernels.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

constexpr float kTemperature = 0.05F;

bool IsBefore(const LabelCandidate& a, const LabelCandidate& b) { return a.label < b.label; }

}  // namespace

std::vector<LabelVote> CountVotes(const index::Shortlist& nearest, const SparseRows& labels) {
  std::vector<LabelVote> votes;
  if (nearest.empty()) {
    return votes;
  }
  float best = nearest.front().score;
  std::size_t num_votes = 0;
  for (const index::Candidate& document : nearest) {
    best = std::max(best, document.score);
    num_votes += RowColumns(labels, document.position).size();
  }
  votes.reserve(num_votes);
  float sum = 0;
  for (const index::Candidate& document : nearest) {
    const float vote = std::exp((document.score - best) / kTemperature);
    sum += vote;
    for (const std::uint32_t label : RowColumns(labels, document.position)) {
      votes.push_back({label, vote});
    }
  }
  // Stable: sums are added from the nearest document on.
  std::stable_sort(votes.begin(), votes.end(),
                   [](const LabelVote& a, const LabelVote& b) { return a.label < b.label; });
  std::size_t size = 0;
  for (const LabelVote& vote : votes) {
    if (size > 0 && votes[size - 1].label == vote.label) {
      votes[size - 1].share += vote.share;
    } else {
      votes[size++] = vote;
    }
  }
  votes.resize(size);
  for (LabelVote& vote : votes) {
    vote.share /= sum;
  }
  return votes;
}

void AddVotes(const RankingTask& ranking, const LabelVectors& vectors,
              const std::vector<index::Shortlist>& nearest, const SparseRows& labels,
              std::vector<std::vector<LabelCandidate>>* candidates) {
  const std::size_t dim = vectors.dim;
  for (std::size_t d = 0; d < candidates->size(); ++d) {
    std::vector<LabelCandidate>& row = (*candidates)[d];
    const float* document = ranking.embeddings.data() + d * dim;
    const auto product = [&](std::span<const float> matrix, std::uint32_t label) {
      return matrix.empty() ? 0.0F : index::Dot(document, matrix.data() + label * dim, dim);
    };
    const auto ignored = RowColumns(ranking.ignored, d);
    std::vector<LabelCandidate> added;
    for (const LabelVote& vote : CountVotes(nearest[d], labels)) {
      LabelCandidate candidate;
      candidate.label = vote.label;
      candidate.votes = vote.share;
      const auto found = std::lower_bound(row.begin(), row.end(), candidate, IsBefore);
      if (found != row.end() && found->label == vote.label) {
        found->votes = vote.share;
      } else if (!std::binary_search(ignored.begin(), ignored.end(), vote.label)) {
        candidate.encoder = product(vectors.embeddings, vote.label);
        candidate.classifier = product(vectors.classifiers, vote.label);
        added.push_back(candidate);
      }
    }
    row.insert(row.end(), added.begin(), added.end());
    std::sort(row.begin(), row.end(), IsBefore);
  }
}

}  // namespace dashi::trainer
