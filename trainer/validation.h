#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "trainer/bag_module.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// A label that may answer a document, with its scores.
struct LabelCandidate {
  std::uint32_t label = 0;
  float encoder = 0;     ///< <e, z>
  float classifier = 0;  ///< <e, w>
  float ranker = 0;      ///< of the sparse ranker; 0 where there is none
  float label_text = 0;  ///< words and pairs that the document shares with the label's text
  float votes = 0;       ///< of the documents that are nearest to it
};

/// The weights of a candidate's scores in its final score.
struct ScoreWeights {
  double encoder = 0.5;
  double classifier = 0.5;
  double ranker = 0;
  double label_text = 0;
  double votes = 0;
};

/// Documents with known labels, to be ranked against all labels.
struct RankingTask {
  std::vector<float> embeddings;  ///< [num_documents, dim] unit rows
  SparseRows truth;               ///< [num_documents, num_labels]
  SparseRows ignored;             ///< [num_documents, num_labels]: never an answer
};

/// Appends a document's row of `ignored`: its own label unless that is a positive, and `others`.
void AppendIgnored(std::uint32_t own_label, std::span<const std::uint32_t> positives,
                   std::span<const std::uint32_t> others, SparseRows* ignored);

/// Unit label vectors.  Shape: both [num_labels, dim]; `classifiers` may be empty.
struct LabelVectors {
  std::span<const float> embeddings;
  std::span<const float> classifiers;
  std::uint32_t dim = 0;
};

/// Finds each document's candidates by exact search: the best `num_candidates` by the encoder's
/// score, by the classifier's and by their sum. Rows are in ascending label order.
///
/// Errors: those of the backend, and kCancelled.
/// Cost:   two blocked matrix products of documents by labels, and one selection each.
Result<std::vector<std::vector<LabelCandidate>>> FindCandidates(
    const RankingTask& task, const LabelVectors& labels, std::size_t num_candidates,
    int num_threads, TensorBackend& backend, const TrainingControl& control);

/// The best k labels by the weighted sum of their scores; ties by ascending label.
std::vector<std::vector<std::uint32_t>> RankCandidates(
    std::span<const std::vector<LabelCandidate>> candidates, const ScoreWeights& weights,
    std::size_t k);

/// What early stopping and fusion maximise on the hold-out: head and tail labels alike (P@1 +
/// nDCG@5 + PSP@5), frequent labels (P@1 + nDCG@5), or rare ones (PSP@1 + PSP@5).
enum class RankingObjective : std::uint8_t { kBalanced = 0, kHead = 1, kTail = 2 };

/// P@1, P@5, nDCG@5, PSP@1 and PSP@5 of rankings.
struct RankingQuality {
  double p1 = 0;
  double p5 = 0;
  double ndcg5 = 0;
  double psp1 = 0;
  double psp5 = 0;
  double ValueFor(RankingObjective objective) const;
};

/// Shape: ranked [num_documents], truth [num_documents, num_labels], label_counts [num_labels] in
///        all `num_training_documents`.
RankingQuality MeasureRankings(std::span<const std::vector<std::uint32_t>> ranked,
                               const SparseRows& truth, std::span<const std::uint64_t> label_counts,
                               std::uint64_t num_training_documents);

/// Number of documents that carry each label.  Shape: result [num_labels].
std::vector<std::uint64_t> CountLabels(const SparseRows& relevance, std::size_t num_labels);

}  // namespace dashi::trainer
