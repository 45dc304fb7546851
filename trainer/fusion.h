#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/validation.h"

namespace dashi::trainer {

/// The fitted weights of the scores; encoder + classifier = 1.
struct FusionWeights : ScoreWeights {
  RankingQuality quality;  ///< with these weights, on the documents they were fitted on
};

/// Searches the weights that maximise an objective on held-out documents, less a penalty
/// that shrinks with their number, so that few documents cannot argue for an odd mix. The shares of
/// encoder and classifier: a grid of steps of 0.1, then of 0.02 around its best, penalty
/// |encoder - 0.5| / sqrt(documents). Without documents they are equal and the ranker's weight 0.
///
/// Shape: candidates [num_documents], truth [num_documents, num_labels], label_counts [num_labels].
FusionWeights FitFusion(std::span<const std::vector<LabelCandidate>> candidates,
                        const SparseRows& truth, std::span<const std::uint64_t> label_counts,
                        std::uint64_t num_training_documents, RankingObjective objective);

/// The same with the ranker's scores and those of label texts: by turns the ranker's weight, the
/// shares, and the label texts' weight, from `dense`, which FitFusion found without them. Weights
/// are tried in multiples of the ratio of the scores' spreads, and 0 is one of them: a score that
/// does not help gets no weight. Label texts get none without the ranker, which carries them.
FusionWeights FitRankerFusion(std::span<const std::vector<LabelCandidate>> candidates,
                              const SparseRows& truth, std::span<const std::uint64_t> label_counts,
                              std::uint64_t num_training_documents, RankingObjective objective,
                              const FusionWeights& dense);

/// The same with the votes of the nearest documents: by turns their weight and those of the other
/// scores, from `others`, which were found without them.
FusionWeights FitVoteFusion(std::span<const std::vector<LabelCandidate>> candidates,
                            const SparseRows& truth, std::span<const std::uint64_t> label_counts,
                            std::uint64_t num_training_documents, RankingObjective objective,
                            const FusionWeights& others);

}  // namespace dashi::trainer
