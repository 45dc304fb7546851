#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trainer/validation.h"

namespace dashi::trainer {

/// The weights of score = encoder * <e, z> + classifier * <e, w>; they sum to 1.
struct FusionWeights {
  double encoder = 0.5;
  double classifier = 0.5;
  RankingQuality quality;  ///< with these weights, on the documents they were fitted on
};

/// Searches the weights that maximise P@1 + nDCG@5 + PSP@5 on held-out documents, less
/// |encoder - 0.5| / sqrt(documents), so that few documents cannot argue for a lopsided mix: a grid
/// of steps of 0.1, then of 0.02 around its best. Without documents the weights are equal.
///
/// Shape: candidates [num_documents], truth [num_documents, num_labels], label_counts [num_labels].
FusionWeights FitFusion(std::span<const std::vector<LabelCandidate>> candidates,
                        const SparseRows& truth, std::span<const std::uint64_t> label_counts,
                        std::uint64_t num_training_documents);

}  // namespace dashi::trainer
