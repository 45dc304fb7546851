#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "base/status.h"
#include "index/vector_kernels.h"
#include "trainer/fusion.h"
#include "trainer/ngame_ranker.h"
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
  if (!options_.ranker || task_.num_features == 0 || options_.warm_start->fusion_ranker <= 0) {
    return Status();
  }
  model_.fusion_ranker = options_.warm_start->fusion_ranker;
  model_.ranker_word_candidates = kWordCandidates;
  return TrainRanker(documents_.all);
}

Status NgameTraining::FitScores() {
  if (options_.warm_start != nullptr && documents_.validation.empty()) {
    return TakeOverScores();
  }
  TrainingProgress progress(control_, "fusion", documents_.validation.size(), "documents",
                            since_start_);
  const std::vector<float> classifiers = UnitClassifiers();
  model_.num_validation_documents = documents_.validation.size();
  DASHI_ASSIGN_OR_RETURN(const std::vector<float> labels, EncodeLabels());
  DASHI_ASSIGN_OR_RETURN(const RankingTask ranking,
                         EmbedValidation(options_.validation_documents_max));
  DASHI_ASSIGN_OR_RETURN(auto candidates,
                         FindCandidates(ranking, {labels, classifiers, dim_}, kFusionCandidates,
                                        options_.num_threads, backend_, control_));
  const FusionWeights dense =
      FitFusion(candidates, ranking.truth, label_counts_, num_documents_, options_.objective);
  FusionWeights fused = dense;
  if (HasRanker()) {
    model_.fusion_encoder = dense.encoder;
    model_.fusion_classifier = dense.classifier;
    DASHI_RETURN_IF_ERROR(TrainRanker(documents_.training));
    const auto documents = std::span(documents_.validation).first(candidates.size());
    const SparseRows features = SelectRows(task_.document_features, documents);
    auto with_words = candidates;
    AddWordCandidates(features, ranking, {labels, classifiers, dim_}, RankerPostings(model_.ranker),
                      pool_, &with_words);
    AddWordCandidates(features, ranking, {labels, classifiers, dim_},
                      RankerPostings(LabelTextRows(task_.label_features)), pool_, &with_words);
    if (ShareFound(with_words, ranking.truth) >=
        ShareFound(candidates, ranking.truth) + kWordsGainMin) {
      candidates = std::move(with_words);
      model_.ranker_word_candidates = kWordCandidates;
    }
    ScoreCandidates(task_, documents, model_.ranker, pool_, &candidates);
    fused = FitRankerFusion(candidates, ranking.truth, label_counts_, num_documents_,
                            options_.objective, dense);
  }
  model_.fusion_encoder = fused.encoder;
  model_.fusion_classifier = fused.classifier;
  model_.fusion_ranker = fused.ranker;
  model_.ranker_label_text = fused.ranker > 0 ? fused.label_text / fused.ranker : 0;
  if (!candidates.empty()) {
    AddMetrics("", fused.quality, &model_.validation_metrics);
    AddMetrics("dense ", dense.quality, &model_.validation_metrics);
    for (const auto& [prefix, encoder] : {std::pair{"encoder ", 1.0}, {"classifier ", 0.0}}) {
      AddMetrics(prefix,
                 MeasureRankings(RankCandidates(candidates, {encoder, 1.0 - encoder}, /*k=*/5),
                                 ranking.truth, label_counts_, num_documents_),
                 &model_.validation_metrics);
    }
  }
  progress.Advance(documents_.validation.size());
  progress.Finish();
  return Status();
}

bool NgameTraining::HasRanker() const {
  return options_.ranker && task_.num_features > 0 && !documents_.validation.empty();
}

Status NgameTraining::TrainRanker(std::span<const std::uint32_t> documents) {
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
  DASHI_ASSIGN_OR_RETURN(
      model_.ranker, TrainRankerStage(task_, documents, std::move(vectors), dim_, *module_, stage,
                                      backend_, pool_, control_, since_start_));
  model_.ranker_seconds += since_stage.Seconds();
  return Status();
}

Status NgameTraining::RefitRanker() {
  DASHI_RETURN_IF_ERROR(TrainRanker(documents_.all));
  if (model_.ranker_label_text > 0) {
    model_.ranker = AddLabelTexts(model_.ranker, task_.label_features, model_.ranker_label_text);
  }
  return Status();
}

}  // namespace dashi::trainer
