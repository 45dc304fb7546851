#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/vector_index.h"
#include "trainer/training_task.h"
#include "trainer/validation.h"

namespace dashi::trainer {

/// How many of the nearest documents vote for their labels.
inline constexpr std::size_t kVotingDocuments = 50;

/// A label and its share of the votes, from 0 to 1.
struct LabelVote {
  std::uint32_t label = 0;
  float share = 0;
};

/// What the documents that are nearest to a text say of its labels: each has a vote of
/// exp(similarity / 0.05), scaled so that all votes sum to 1, and gives it to each of its labels.
///
/// Shape:  nearest: rows of `labels` with cosines, at most kVotingDocuments; result ascending by
///         label.
/// Paper:  Dahiya et al., NGAME++ (retrieval-augmented inference), with its temperature.
std::vector<LabelVote> CountVotes(const index::Shortlist& nearest, const SparseRows& labels);

/// Gives a document's candidates their votes, and adds the labels with votes that are not among
/// them, with their dense scores, unless they are ignored. Rows stay ascending by label.
///
/// Shape:  nearest, candidates and rows of `ranking`: [documents].
void AddVotes(const RankingTask& ranking, const LabelVectors& vectors,
              const std::vector<index::Shortlist>& nearest, const SparseRows& labels,
              std::vector<std::vector<LabelCandidate>>* candidates);

}  // namespace dashi::trainer
