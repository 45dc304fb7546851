#pragma once

#include <cstdint>
#include <vector>

#include "trainer/fusion.h"
#include "trainer/ngame_training.h"
#include "trainer/ranker/sparse_ranker.h"
#include "trainer/validation.h"

namespace dashi::trainer {

/// The held-out documents while the weights of the scores are fitted.
struct NgameTraining::HeldOut {
  RankingTask ranking;
  std::vector<float> labels;       ///< [num_labels, dim]
  std::vector<float> classifiers;  ///< [num_labels, dim]
};

/// Weights that were fitted to them, and what they belong to.
struct NgameTraining::ScoreFit {
  std::vector<std::vector<LabelCandidate>> candidates;  ///< of each held-out document
  FusionWeights weights;
  SparseRankerWeights ranker;
  double ranker_c = 0;
  std::uint32_t word_candidates = 0;
};

}  // namespace dashi::trainer
