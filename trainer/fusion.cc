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
// Weights of label texts and of votes, in such units.
constexpr std::array<double, 10> kOtherUnits{0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1.0, 1.4, 2.0};
// The doubt in label texts or votes of the weight 1; so much like the ranker's that either has to
// argue.
constexpr double kOtherDoubt = 0.25;
constexpr int kTurns = 2;

/// The doubt in a ranker of this weight, in units that give both scores the same spread.
double RankerDoubt(double multiple) {
  return multiple == 0 ? 1.0 : std::abs(std::log2(multiple / kRankerUnitsStart)) / 4;
}

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

  struct Point {
    int units = -1;  // of the encoder's share
    double ranker = 0;
    double ranker_doubt = 0;
    double text = 0;
    double text_doubt = 0;
    double votes = 0;
    double votes_doubt = 0;
  };

  void Consider(const Point& point) {
    FusionWeights weights;
    weights.encoder = static_cast<double>(point.units) / kUnits;
    weights.classifier = static_cast<double>(kUnits - point.units) / kUnits;
    weights.ranker = point.ranker;
    weights.label_text = point.ranker > 0 ? point.text : 0;  // The ranker carries label texts.
    weights.votes = point.votes;
    weights.quality = MeasureRankings(RankCandidates(candidates_, weights, /*k=*/5), truth_,
                                      label_counts_, num_training_documents_);
    const double doubt =
        std::abs(weights.encoder - 0.5) + point.ranker_doubt + point.text_doubt + point.votes_doubt;
    const double value = weights.quality.ValueFor(objective_) - caution_ * doubt;
    if (best_point_.units < 0 || value > best_value_) {
      best_value_ = value;
      best_ = weights;
      best_point_ = point;
    }
  }

  // The shares of encoder and classifier beside the best other weights so far.
  void FitShares() {
    Point point = best_point_;
    for (point.units = 0; point.units <= kUnits; point.units += kCoarseStep) {
      Consider(point);
    }
    const int center = best_point_.units;
    const int last = std::min(kUnits, center + kCoarseStep - 1);
    for (point.units = std::max(0, center - kCoarseStep + 1); point.units <= last; ++point.units) {
      if (point.units != center) {
        Consider(point);
      }
    }
  }

  // The ranker's weight beside the best other weights so far.
  void FitRanker(double unit) {
    Point point = best_point_;
    for (const double multiple : kRankerUnits) {
      point.ranker = multiple * unit;
      point.ranker_doubt = RankerDoubt(multiple);
      Consider(point);
    }
  }

  // The label texts' weight beside the best other weights so far.
  void FitText(double unit) {
    Point point = best_point_;
    for (const double multiple : kOtherUnits) {
      point.text = multiple * unit;
      point.text_doubt = multiple * kOtherDoubt;
      Consider(point);
    }
  }

  // The votes' weight beside the best other weights so far.
  void FitVotes(double unit) {
    Point point = best_point_;
    for (const double multiple : kOtherUnits) {
      point.votes = multiple * unit;
      point.votes_doubt = multiple * kOtherDoubt;
      Consider(point);
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
  Point best_point_;
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

/// How far the scores of a document's candidates lie apart.
struct Spreads {
  Spreads(std::span<const std::vector<LabelCandidate>> candidates, const ScoreWeights& shares)
      : dense(Spread(candidates,
                     [&](const LabelCandidate& candidate) {
                       return shares.encoder * candidate.encoder +
                              shares.classifier * candidate.classifier;
                     })),
        ranker(Spread(candidates,
                      [](const LabelCandidate& candidate) { return double{candidate.ranker}; })),
        text(Spread(candidates,
                    [](const LabelCandidate& candidate) { return double{candidate.label_text}; })),
        votes(Spread(candidates,
                     [](const LabelCandidate& candidate) { return double{candidate.votes}; })) {}

  double dense;
  double ranker;
  double text;
  double votes;
};

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
  const Spreads spreads(candidates, dense);
  if (spreads.dense == 0 || spreads.ranker == 0) {
    return dense;
  }
  FusionSearch search(candidates, truth, label_counts, num_training_documents, objective);
  FusionSearch::Point start;
  start.units = static_cast<int>(std::lround(dense.encoder * kUnits));
  start.ranker_doubt = 1.0;
  search.Consider(start);
  for (int turn = 0; turn < kTurns; ++turn) {
    search.FitRanker(spreads.dense / spreads.ranker);
    search.FitShares();
    if (spreads.text > 0 && search.best().ranker > 0) {
      search.FitText(spreads.dense / spreads.text);
    }
  }
  return search.best();
}

FusionWeights FitVoteFusion(std::span<const std::vector<LabelCandidate>> candidates,
                            const SparseRows& truth, std::span<const std::uint64_t> label_counts,
                            std::uint64_t num_training_documents, RankingObjective objective,
                            const FusionWeights& others) {
  const Spreads spreads(candidates, others);
  if (spreads.dense == 0 || spreads.votes == 0) {
    return others;
  }
  FusionSearch search(candidates, truth, label_counts, num_training_documents, objective);
  FusionSearch::Point start;
  start.units = static_cast<int>(std::lround(others.encoder * kUnits));
  if (spreads.ranker > 0) {
    start.ranker = others.ranker;
    start.ranker_doubt = RankerDoubt(others.ranker * spreads.ranker / spreads.dense);
    start.text = others.label_text;
    start.text_doubt = others.label_text * spreads.text / spreads.dense * kOtherDoubt;
  }
  search.Consider(start);
  for (int turn = 0; turn < kTurns; ++turn) {
    search.FitVotes(spreads.dense / spreads.votes);
    search.FitShares();
    if (search.best().ranker > 0) {
      search.FitRanker(spreads.dense / spreads.ranker);
    }
    if (search.best().label_text > 0) {
      search.FitText(spreads.dense / spreads.text);
    }
  }
  return search.best();
}

}  // namespace dashi::trainer
