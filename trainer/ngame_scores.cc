#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/status.h"
#include "index/vector_kernels.h"
#include "trainer/fusion.h"
#include "trainer/ngame_ranker.h"
#include "trainer/ngame_score_fit.h"
#include "trainer/ngame_training.h"
#include "trainer/ranker/ranker_postings.h"
#include "trainer/ranker/ranker_rows.h"
#include "trainer/sparse_rows.h"
#include "trainer/warm_start.h"
#include "trainer/word_candidates.h"

namespace dashi::trainer {
namespace {

// Candidates a score for fusion; more change nothing at rank 5.
constexpr std::size_t kFusionCandidates = 100;

// Labels by words cost about as much as the rest of a query: they are wanted where they find this
// share of the relevant labels that the vectors do not.
constexpr double kWordsGainMin = 0.01;

// A stronger ranker has to be better on the hold-out by this much of its noise.
constexpr double kStrongerDoubt = 0.1;

// Which share of the relevant labels is among the candidates.
double ShareFound(std::span<const std::vector<LabelCandidate>> candidates,
                  const SparseRows& truth) {
  std::size_t num_found = 0;
  std::size_t num_relevant = 0;
  for (std::size_t d = 0; d < candidates.size(); ++d) {
    const auto relevant = RowColumns(truth, d);
    num_relevant += relevant.size();
    for (const LabelCandidate& candidate : candidates[d]) {
      num_found += std::binary_search(relevant.begin(), relevant.end(), candidate.label) ? 1 : 0;
    }
  }
  return static_cast<double>(num_found) /
         static_cast<double>(std::max<std::size_t>(num_relevant, 1));
}

void AddMetrics(const std::string& prefix, const RankingQuality& quality,
                std::map<std::string, double>* metrics) {
  (*metrics)[prefix + "P@1"] = quality.p1;
  (*metrics)[prefix + "P@5"] = quality.p5;
  (*metrics)[prefix + "PSP@1"] = quality.psp1;
  (*metrics)[prefix + "PSP@5"] = quality.psp5;
}

}  // namespace

Status NgameTraining::TakeOverScores() {
  model_.fusion_encoder = options_.warm_start->fusion_encoder;
  model_.fusion_classifier = options_.warm_start->fusion_classifier;
  model_.fusion_votes = options_.retrieval ? options_.warm_start->fusion_votes : 0;
  if (!options_.ranker || task_.num_features == 0 || options_.warm_start->fusion_ranker <= 0) {
    return Status();
  }
  model_.fusion_ranker = options_.warm_start->fusion_ranker;
  model_.ranker_word_candidates = options_.warm_start->ranker_word_candidates;
  model_.ranker_c = options_.ranker_c > 0 ? options_.ranker_c : options_.warm_start->ranker_c;
  DASHI_ASSIGN_OR_RETURN(model_.ranker, TrainRanker(documents_.all, model_.ranker_c));
  return Status();
}

Status NgameTraining::FitScores() {
  if (options_.warm_start != nullptr && documents_.validation.empty()) {
    return TakeOverScores();
  }
  TrainingProgress progress(control_, "fusion", documents_.validation.size(), "documents",
                            since_start_);
  HeldOut held_out;
  held_out.classifiers = UnitClassifiers();
  model_.num_validation_documents = documents_.validation.size();
  DASHI_ASSIGN_OR_RETURN(held_out.labels, EncodeLabels());
  DASHI_ASSIGN_OR_RETURN(held_out.ranking, EmbedValidation(options_.validation_documents_max));
  ScoreFit fit;
  DASHI_ASSIGN_OR_RETURN(
      fit.candidates,
      FindCandidates(held_out.ranking, {held_out.labels, held_out.classifiers, dim_},
                     kFusionCandidates, options_.num_threads, backend_, control_));
  fit.weights = FitFusion(fit.candidates, held_out.ranking.truth, label_counts_, num_documents_,
                          options_.objective);
  const RankingQuality dense = fit.weights.quality;
  const double dense_found = ShareFound(fit.candidates, held_out.ranking.truth);
  model_.fusion_encoder = fit.weights.encoder;
  model_.fusion_classifier = fit.weights.classifier;
  if (HasRanker()) {
    DASHI_ASSIGN_OR_RETURN(fit, ChooseRanker(held_out, fit));
  }
  if (options_.retrieval) {
    DASHI_ASSIGN_OR_RETURN(fit, JoinVotes(held_out, std::move(fit)));
  }
  model_.fusion_encoder = fit.weights.encoder;
  model_.fusion_classifier = fit.weights.classifier;
  model_.fusion_ranker = fit.weights.ranker;
  model_.fusion_votes = fit.weights.votes;
  model_.ranker_label_text =
      fit.weights.ranker > 0 ? fit.weights.label_text / fit.weights.ranker : 0;
  model_.ranker = std::move(fit.ranker);
  model_.ranker_c = fit.ranker_c;
  model_.ranker_word_candidates = fit.word_candidates;
  if (!fit.candidates.empty()) {
    AddMetrics("", fit.weights.quality, &model_.validation_metrics);
    AddMetrics("dense ", dense, &model_.validation_metrics);
    model_.validation_metrics["found"] = ShareFound(fit.candidates, held_out.ranking.truth);
    model_.validation_metrics["dense found"] = dense_found;
    for (const auto& [prefix, encoder] : {std::pair{"encoder ", 1.0}, {"classifier ", 0.0}}) {
      AddMetrics(prefix,
                 MeasureRankings(RankCandidates(fit.candidates, {encoder, 1.0 - encoder}, /*k=*/5),
                                 held_out.ranking.truth, label_counts_, num_documents_),
                 &model_.validation_metrics);
    }
  }
  progress.Advance(documents_.validation.size());
  progress.Finish();
  return Status();
}

Result<NgameTraining::ScoreFit> NgameTraining::ChooseRanker(const HeldOut& held_out,
                                                            const ScoreFit& dense) {
  const double doubt =
      kStrongerDoubt /
      std::sqrt(static_cast<double>(std::max<std::size_t>(dense.candidates.size(), 1)));
  std::size_t num_pairs = 0;
  for (const std::uint32_t document : documents_.training) {
    num_pairs += RowColumns(task_.relevance, document).size();
  }
  std::optional<ScoreFit> best;
  for (const double c : RankerTries(options_.ranker_c, num_pairs, num_labels_)) {
    DASHI_ASSIGN_OR_RETURN(ScoreFit fit, FitRanker(c, held_out, dense));
    if (!best || fit.weights.quality.ValueFor(options_.objective) >
                     best->weights.quality.ValueFor(options_.objective) + doubt) {
      best = std::move(fit);
    }
  }
  return std::move(*best);
}

Result<NgameTraining::ScoreFit> NgameTraining::FitRanker(double c, const HeldOut& held_out,
                                                         const ScoreFit& dense) {
  ScoreFit fit;
  fit.ranker_c = c;
  DASHI_ASSIGN_OR_RETURN(fit.ranker, TrainRanker(documents_.training, c));
  const auto documents = std::span(documents_.validation).first(dense.candidates.size());
  const SparseRows features = SelectRows(task_.document_features, documents);
  const LabelVectors vectors{held_out.labels, held_out.classifiers, dim_};
  fit.candidates = dense.candidates;
  AddWordCandidates(features, held_out.ranking, vectors, RankerPostings(fit.ranker), pool_,
                    &fit.candidates);
  AddWordCandidates(features, held_out.ranking, vectors,
                    RankerPostings(LabelTextRows(task_.label_features)), pool_, &fit.candidates);
  const SparseRows& truth = held_out.ranking.truth;
  if (ShareFound(fit.candidates, truth) >= ShareFound(dense.candidates, truth) + kWordsGainMin) {
    fit.word_candidates = kWordCandidates;
  } else {
    fit.candidates = dense.candidates;
  }
  ScoreCandidates(task_, documents, fit.ranker, pool_, &fit.candidates);
  fit.weights = FitRankerFusion(fit.candidates, truth, label_counts_, num_documents_,
                                options_.objective, dense.weights);
  return fit;
}

bool NgameTraining::HasRanker() const {
  return options_.ranker && task_.num_features > 0 && !documents_.validation.empty();
}

Result<SparseRankerWeights> NgameTraining::TrainRanker(std::span<const std::uint32_t> documents,
                                                       double c) {
  const Stopwatch since_stage;
  DASHI_ASSIGN_OR_RETURN(const std::vector<float> labels, EncodeLabels());
  const std::vector<float> classifiers = UnitClassifiers();
  std::vector<float> vectors(labels.size(), 0.0F);  // [num_labels, dim]
  index::AddScaled(static_cast<float>(model_.fusion_encoder), labels.data(), vectors.data(),
                   vectors.size());
  index::AddScaled(static_cast<float>(model_.fusion_classifier), classifiers.data(), vectors.data(),
                   vectors.size());
  SparseRankerOptions stage = options_.sparse_ranker;
  stage.seed = options_.seed;
  stage.svm.c = c;
  stage.random_negatives = RandomNegativesPerLabel(num_documents_, num_labels_);
  Result<SparseRankerWeights> ranker =
      TrainRankerStage(task_, documents, std::move(vectors), dim_, *module_, stage, backend_, pool_,
                       control_, since_start_);
  model_.ranker_seconds += since_stage.Seconds();
  return ranker;
}

Status NgameTraining::RefitRanker() {
  DASHI_ASSIGN_OR_RETURN(model_.ranker, TrainRanker(documents_.all, model_.ranker_c));
  if (model_.ranker_label_text > 0) {
    model_.ranker = AddLabelTexts(model_.ranker, task_.label_features, model_.ranker_label_text);
  }
  return Status();
}

}  // namespace dashi::trainer
