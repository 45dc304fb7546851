#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "trainer/ranker/ranker_postings.h"
#include "trainer/training_task.h"
#include "trainer/validation.h"

namespace dashi::trainer {

/// How many labels are taken from the words of a text, beside those that embeddings find.
inline constexpr std::uint32_t kWordCandidates = 100;

/// Adds to each document's candidates the kWordCandidates labels that `postings` finds by the
/// document's words, with their dense scores, unless they are there or ignored. Rows stay ascending
/// by label.
///
/// Shape:  features and rows of `ranking`: [documents]; candidates [documents].
/// Cost:   a Find and at most kWordCandidates inner products a document.
void AddWordCandidates(const SparseRows& features, const RankingTask& ranking,
                       const LabelVectors& labels, const RankerPostings& postings, ThreadPool& pool,
                       std::vector<std::vector<LabelCandidate>>* candidates);

}  // namespace dashi::trainer
