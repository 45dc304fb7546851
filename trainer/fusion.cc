#include "trainer/fusion.h"

#include <algorithm>
#include <cmath>

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
  double best_value = 0;
  const double caution = 1.0 / std::sqrt(static_cast<double>(candidates.size()));
  const auto consider = [&](int units) {
    FusionWeights weights;
    weights.encoder = static_cast<double>(units) / kUnits;
    weights.classifier = static_cast<double>(kUnits - units) / kUnits;
    weights.quality =
        MeasureRankings(RankCandidates(candidates, weights.encoder, weights.classifier, /*k=*/5),
                        truth, label_counts, num_training_documents);
    const double value = weights.quality.Objective() - caution * std::abs(weights.encoder - 0.5);
    if (best_units < 0 || value > best_value) {
      best_value = value;
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
