#include "trainer/fusion.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace dashi::trainer {
namespace {

// Shares in fiftieths, so that the grid's points are exact.
constexpr int kUnits = 50;
constexpr int kCoarseStep = 5;
// Weights of the ranker, in units that give both scores the same spread.
constexpr std::array<double, 11> kRankerUnits{0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.4, 2.0, 3.0};
constexpr double kRankerUnitsStart = 0.45;
constexpr int kTurns = 2;

/// Tries weights and keeps the best.
class FusionSearch {
 public:
  FusionSearch(std::span<const std::vector<LabelCandidate>> candidates, const SparseRows& truth,
               std::span<const std::uint64_t> label_counts, std::uint64_t num_training_documents,
               RankingObjective objective)
      : candidates_(candidates),
        truth_(truth),
        label_counts_(label_counts),
        num_training_documents_(num_training_documents),
        objective_(objective),
        caution_(1.0 / std::sqrt(static_cast<double>(candidates.size()))) {}

  void Consider(int units, double ranker, double ranker_doubt) {
    FusionWeights weights;
    weights.encoder = static_cast<double>(units) / kUnits;
    weights.classifier = static_cast<double>(kUnits - units) / kUnits;
    weights.ranker = ranker;
    weights.quality = MeasureRankings(RankCandidates(candidates_, weights, /*k=*/5), truth_,
                                      label_counts_, num_training_documents_);
    const double value = weights.quality.ValueFor(objective_) -
                         caution_ * (std::abs(weights.encoder - 0.5) + ranker_doubt);
    if (best_units_ < 0 || value > best_value_) {
      best_value_ = value;
      best_ = weights;
      best_units_ = units;
      best_doubt_ = ranker_doubt;
    }
  }

  // The shares of encoder and classifier beside the best ranker weight so far.
  void FitShares() {
    const double ranker = best_.ranker;
    const double doubt = best_doubt_;
    for (int units = 0; units <= kUnits; units += kCoarseStep) {
      Consider(units, ranker, doubt);
    }
    const int center = best_units_;
    for (int units = std::max(0, center - kCoarseStep + 1);
         units <= std::min(kUnits, center + kCoarseStep - 1); ++units) {
      if (units != center) {
        Consider(units, ranker, doubt);
      }
    }
  }

  // The ranker's weight beside the best shares so far.
  void FitRanker(double unit) {
    const int units = best_units_;
    for (const double multiple : kRankerUnits) {
      const double doubt =
          multiple == 0 ? 1.0 : std::abs(std::log2(multiple / kRankerUnitsStart)) / 4;
      Consider(units, multiple * unit, doubt);
    }
  }

  const FusionWeights& best() const { return best_; }

 private:
  std::span<const std::vector<LabelCandidate>> candidates_;
  const SparseRows& truth_;
  std::span<const std::uint64_t> label_counts_;
  std::uint64_t num_training_documents_;
  RankingObjective objective_;
  double caution_;
  FusionWeights best_;
  int best_units_ = -1;
  double best_doubt_ = 0;
  double best_value_ = 0;
};

/// Standard deviation over all candidates, each document's around its own mean.
template <typename Score>
double Spread(std::span<const std::vector<LabelCandidate>> candidates, const Score& score) {
  double squares = 0;
  double count = 0;
  for (const std::vector<LabelCandidate>& row : candidates) {
    double sum = 0;
    for (const LabelCandidate& candidate : row) {
      sum += score(candidate);
    }
    for (const LabelCandidate& candidate : row) {
      const double difference = score(candidate) - sum / static_cast<double>(row.size());
      squares += difference * difference;
    }
    count += static_cast<double>(row.size());
  }
  return count > 0 ? std::sqrt(squares / count) : 0;
}

}  // namespace

FusionWeights FitFusion(std::span<const std::vector<LabelCandidate>> candidates,
                        const SparseRows& truth, std::span<const std::uint64_t> label_counts,
                        std::uint64_t num_training_documents, RankingObjective objective) {
  if (candidates.empty()) {
    return FusionWeights();
  }
  FusionSearch search(candidates, truth, label_counts, num_training_documents, objective);
  search.FitShares();
  return search.best();
}

FusionWeights FitRankerFusion(std::span<const std::vector<LabelCandidate>> candidates,
                              const SparseRows& truth, std::span<const std::uint64_t> label_counts,
                              std::uint64_t num_training_documents, RankingObjective objective,
                              const FusionWeights& dense) {
  const double dense_spread = Spread(candidates, [&](const LabelCandidate& candidate) {
    return dense.encoder * candidate.encoder + dense.classifier * candidate.classifier;
  });
  const double ranker_spread =
      Spread(candidates, [](const LabelCandidate& candidate) { return double{candidate.ranker}; });
  if (dense_spread == 0 || ranker_spread == 0) {
    return dense;
  }
  FusionSearch search(candidates, truth, label_counts, num_training_documents, objective);
  search.Consider(static_cast<int>(std::lround(dense.encoder * kUnits)), 0, 1.0);
  for (int turn = 0; turn < kTurns; ++turn) {
    search.FitRanker(dense_spread / ranker_spread);
    search.FitShares();
  }
  return search.best();
}

}  // namespace dashi::trainer
