#include "trainer/fusion.h"

#include <algorithm>

namespace dashi::trainer {
namespace {

// Weights in fiftieths, so that the grid's points are exact.
constexpr int kUnits = 50;
constexpr int kCoarseStep = 5;

}  // namespace

FusionWeights FitFusion(std::span<const std::vector<LabelCandidate>> candidates,
                        const SparseRows& truth, std::span<const std::uint64_t> label_counts,
                        std::uint64_t num_training_documents) {
  FusionWeights best;
  if (candidates.empty()) {
    return best;
  }
  int best_units = -1;
  const auto consider = [&](int units) {
    FusionWeights weights;
    weights.encoder = static_cast<double>(units) / kUnits;
    weights.classifier = static_cast<double>(kUnits - units) / kUnits;
    weights.quality =
        MeasureRankings(RankCandidates(candidates, weights.encoder, weights.classifier, /*k=*/5),
                        truth, label_counts, num_training_documents);
    if (best_units < 0 || weights.quality.Objective() > best.quality.Objective()) {
      best = weights;
      best_units = units;
    }
  };
  for (int units = 0; units <= kUnits; units += kCoarseStep) {
    consider(units);
  }
  const int center = best_units;
  for (int units = std::max(0, center - kCoarseStep + 1);
       units <= std::min(kUnits, center + kCoarseStep - 1); ++units) {
    if (units != center) {
      consider(units);
    }
  }
  return best;
}

}  // namespace dashi::trainer
