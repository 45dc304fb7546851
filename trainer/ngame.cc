#include "trainer/ngame.h"

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "index/vector_kernels.h"
#include "trainer/fusion.h"
#include "trainer/hold_out.h"
#include "trainer/learning_rate.h"
#include "trainer/ngame_batches.h"
#include "trainer/ngame_checks.h"
#include "trainer/ngame_encoder.h"
#include "trainer/ngame_ranker.h"
#include "trainer/ngame_sampler.h"
#include "trainer/sparse_rows.h"
#include "trainer/training_progress.h"
#include "trainer/validation.h"

namespace dashi::trainer {
namespace {

// Candidates a score for fusion; more change nothing at rank 5.
constexpr std::size_t kFusionCandidates = 100;
// Held-out documents that early stopping looks at after each epoch.
constexpr std::size_t kEarlyStoppingDocuments = 1200;
// Epochs without a better hold-out before the classifier stage ends.
constexpr std::uint32_t kPatienceEpochs = 2;
// A small set gets smaller batches, so that an epoch has this many, but not below this size: too
// few steps learn little (measured on 1,000 documents: +0.04 P@1, +0.11 PSP@5 against batches of
// 1,024).
constexpr std::uint32_t kBatchesPerEpochMin = 8;
constexpr std::uint32_t kBatchSizeMin = 128;
// Documents encoded at once for centroids.
constexpr std::size_t kEncodeChunk = 8192;

void AddMetrics(const std::string& prefix, const RankingQuality& quality,
                std::map<std::string, double>* metrics) {
  (*metrics)[prefix + "P@1"] = quality.p1;
  (*metrics)[prefix + "P@5"] = quality.p5;
  (*metrics)[prefix + "PSP@1"] = quality.psp1;
  (*metrics)[prefix + "PSP@5"] = quality.psp5;
}

/// The mean loss of an epoch, each text counting alike.
class EpochLoss {
 public:
  void Add(double loss, std::size_t num_texts) {
    sum_ += loss * static_cast<double>(num_texts);
    num_texts_ += static_cast<double>(num_texts);
  }
  double Mean() const { return num_texts_ > 0 ? sum_ / num_texts_ : 0; }

 private:
  double sum_ = 0;
  double num_texts_ = 0;
};

/// One run of TrainNgame.
class NgameTraining {
 public:
  NgameTraining(const TrainingTask& task, const NgameOptions& options, TensorBackend& backend,
                const TrainingControl& control)
      : task_(task),
        options_(options),
        backend_(backend),
        control_(control),
        dim_(options.dim),
        num_documents_(static_cast<std::uint32_t>(task.relevance.num_rows())),
        num_labels_(static_cast<std::uint32_t>(task.label_tokens.num_rows())),
        label_counts_(CountLabels(task.relevance, num_labels_)),
        batches_(task),
        random_(options.seed),
        pool_(options.num_threads) {}

  Result<NgameModel> Run();

 private:
  // Splits the documents and makes the module.
  Status Prepare();
  Status TrainEncoder();
  // Runs the classifier stage on documents from the present encoder, for at most `num_epochs` of
  // its schedule. With `stops_early` the hold-out is looked at after each epoch.
  Status TrainClassifier(const std::string& phase, std::span<const std::uint32_t> documents,
                         std::uint32_t num_epochs, bool stops_early);
  Status RestoreBest();
  Status FitScores(NgameModel* model);
  // Stage 3 on documents, with the label vectors as they are now.
  Status TrainRanker(std::span<const std::uint32_t> documents, NgameModel* model);
  bool HasRanker() const;
  // Once the hold-out has told how long to train and how to weigh, teaches it too: the classifier
  // stage anew, on all documents.
  Status Refit(std::span<const NamedTensor> first_stage, NgameModel* model);

  std::vector<std::uint32_t> EncoderItems() const;
  SamplerOptions EncoderSampler(std::size_t num_rows) const;
  SamplerOptions ClassifierSampler(std::size_t num_rows) const;
  StepRates ClassifierRates(double share) const;
  // Unit sums of each label's text embedding and the mean of its documents' embeddings, which also
  // go to `sampler`.
  Result<std::vector<float>> StartVectors(std::span<const std::uint32_t> documents,
                                          NgameSampler* sampler);
  // One step on documents; `sampler` has their embeddings when the encoder is frozen.
  Result<StepResult> StepClassifier(std::span<const std::uint32_t> documents,
                                    std::span<const std::uint32_t> rows, const StepRates& rates,
                                    const NgameSampler& sampler);
  // Remembers the parameters when the hold-out is better than ever before. Returns how good it is,
  // where there is one.
  Result<std::optional<RankingQuality>> KeepBest(std::uint32_t epoch);
  void ReportEpoch(const std::string& stage, std::uint32_t epoch, const EpochLoss& loss,
                   const RankingQuality* quality) const;
  Result<std::vector<float>> EncodeLabels();
  Result<RankingTask> EmbedValidation(std::size_t documents_max);
  std::vector<float> UnitClassifiers() const;

  const TrainingTask& task_;
  const NgameOptions& options_;
  TensorBackend& backend_;
  const TrainingControl& control_;
  const std::uint32_t dim_;
  const std::uint32_t num_documents_;
  const std::uint32_t num_labels_;
  const std::vector<std::uint64_t> label_counts_;
  NgameBatches batches_;
  Random random_;
  ThreadPool pool_;
  const Stopwatch since_start_;
  HoldOut documents_;
  std::unique_ptr<EncoderModule> module_;

  // The best epoch of the classifier stage by the hold-out.
  double best_objective_ = -1;
  std::uint32_t best_epoch_ = 0;
  std::uint32_t epochs_run_ = 0;
  std::vector<NamedTensor> best_encoder_;
  std::vector<float> best_classifier_;
};

Status NgameTraining::Prepare() {
  documents_ = SplitHoldOut(task_, options_.validation_share, options_.validation_documents_max,
                            random_.Next());
  if (documents_.training.empty()) {
    return Status::InvalidArgument(
               "nothing to learn from: no document has both a text with known words and a label")
        .WithHint("fill `documents` and `relevance` before TRAIN MODEL");
  }
  DASHI_ASSIGN_OR_RETURN(
      module_, NewNgameEncoder(task_.vocabulary_size, options_, random_.Next(), backend_));
  return Status();
}

// Documents, then label texts that have tokens, as NgameBatches numbers them.
std::vector<std::uint32_t> NgameTraining::EncoderItems() const {
  std::vector<std::uint32_t> items = documents_.training;
  if (options_.label_documents) {
    for (std::uint32_t label = 0; label < num_labels_; ++label) {
      if (!RowColumns(task_.label_tokens, label).empty()) {
        items.push_back(num_documents_ + label);
      }
    }
  }
  return items;
}

SamplerOptions NgameTraining::EncoderSampler(std::size_t num_rows) const {
  SamplerOptions sampler;
  sampler.batch_size =
      std::min(options_.batch_size,
               std::max(kBatchSizeMin, static_cast<std::uint32_t>(num_rows / kBatchesPerEpochMin)));
  sampler.epochs = options_.epochs;
  sampler.random_share = options_.random_share;
  sampler.growth_share = options_.growth_share;
  sampler.cluster_size_max = options_.cluster_size_max;
  sampler.cluster_size_min = std::min(2U, options_.cluster_size_max);
  sampler.recluster_epochs = options_.recluster_epochs;
  return sampler;
}

Status NgameTraining::TrainEncoder() {
  const std::vector<std::uint32_t> items = EncoderItems();
  SamplerOptions sampler_options = EncoderSampler(items.size());
  sampler_options.seed = random_.Next();
  NgameSampler sampler(static_cast<std::uint32_t>(items.size()), dim_, sampler_options);
  const std::uint64_t num_steps = std::uint64_t{options_.epochs} * sampler.batches_per_epoch();
  TrainingProgress progress(control_, "encoder", std::uint64_t{options_.epochs} * items.size(),
                            "documents", since_start_);
  std::uint64_t step = 0;
  std::vector<std::uint32_t> chosen;
  for (std::uint32_t epoch = 0; epoch < options_.epochs; ++epoch) {
    EpochLoss loss;
    DASHI_RETURN_IF_ERROR(sampler.BeginEpoch(epoch, pool_, module_.get()));
    for (std::uint32_t i = 0; i < sampler.batches_per_epoch(); ++i, ++step) {
      DASHI_RETURN_IF_ERROR(progress.CheckStop());
      const std::span<const std::uint32_t> rows = sampler.Batch(i);
      chosen.clear();
      for (const std::uint32_t row : rows) {
        chosen.push_back(items[row]);
      }
      const auto share =
          static_cast<float>(LearningRateShare(step, num_steps, options_.warmup_steps));
      const StepRates rates{options_.learning_rate_embeddings * share,
                            options_.learning_rate_dense * share, 0};
      DASHI_ASSIGN_OR_RETURN(
          const StepResult result,
          module_->EncoderStep(batches_.ForEncoder(chosen, options_.encoder_loss, random_), rates));
      sampler.Remember(rows, result.row_embeddings);
      loss.Add(result.loss, rows.size());
      progress.Advance(rows.size(), result.loss);
    }
    ReportEpoch("encoder", epoch + 1, loss, nullptr);
  }
  progress.Finish();
  return Status();
}

SamplerOptions NgameTraining::ClassifierSampler(std::size_t num_rows) const {
  SamplerOptions sampler = EncoderSampler(num_rows);
  sampler.epochs = options_.classifier_epochs;
  sampler.random_share = 0;
  sampler.growth_share = 0;
  return sampler;
}

Result<std::vector<float>> NgameTraining::StartVectors(std::span<const std::uint32_t> documents,
                                                       NgameSampler* sampler) {
  DASHI_ASSIGN_OR_RETURN(std::vector<float> vectors, EncodeLabels());
  std::vector<std::uint32_t> counts(num_labels_, 0);
  for (const std::uint32_t document : documents) {
    for (const std::uint32_t label : RowColumns(task_.relevance, document)) {
      ++counts[label];
    }
  }
  std::vector<float> embeddings;
  std::vector<std::uint32_t> positions;
  for (std::size_t begin = 0; begin < documents.size(); begin += kEncodeChunk) {
    const std::size_t size = std::min(kEncodeChunk, documents.size() - begin);
    const std::span<const std::uint32_t> chunk = documents.subspan(begin, size);
    embeddings.resize(size * dim_);
    positions.resize(size);
    DASHI_RETURN_IF_ERROR(
        module_->Encode(SelectRows(task_.document_tokens, chunk), embeddings.data()));
    for (std::size_t i = 0; i < size; ++i) {
      positions[i] = static_cast<std::uint32_t>(begin + i);
      for (const std::uint32_t label : RowColumns(task_.relevance, chunk[i])) {
        index::AddScaled(1.0F / static_cast<float>(counts[label]), embeddings.data() + i * dim_,
                         vectors.data() + std::size_t{label} * dim_, dim_);
      }
    }
    sampler->Remember(positions, embeddings);
  }
  for (std::size_t label = 0; label < num_labels_; ++label) {
    index::NormalizeInPlace(vectors.data() + label * dim_, dim_);
  }
  return vectors;
}

StepRates NgameTraining::ClassifierRates(double share) const {
  const auto factor = static_cast<float>(share);
  StepRates rates;
  rates.classifier = options_.classifier_learning_rate * factor;
  if (options_.classifier_trains_encoder) {
    rates.embeddings = options_.classifier_learning_rate_embeddings * factor;
    rates.dense = options_.learning_rate_dense * factor;
  }
  return rates;
}

Result<StepResult> NgameTraining::StepClassifier(std::span<const std::uint32_t> documents,
                                                 std::span<const std::uint32_t> rows,
                                                 const StepRates& rates,
                                                 const NgameSampler& sampler) {
  std::vector<std::uint32_t> chosen;
  for (const std::uint32_t row : rows) {
    chosen.push_back(documents[row]);
  }
  ClassifierBatch batch = batches_.ForClassifier(chosen, options_.random_labels, random_);
  batch.dropout = options_.classifier_dropout;
  batch.dropout_seed = random_.Next();
  batch.loss = options_.classifier_loss;
  if (rates.embeddings <= 0 && rates.dense <= 0) {
    batch.embeddings = sampler.Recall(rows);
  }
  return module_->ClassifierStep(batch, rates);
}

Status NgameTraining::TrainClassifier(const std::string& phase,
                                      std::span<const std::uint32_t> documents,
                                      std::uint32_t num_epochs, bool stops_early) {
  SamplerOptions sampler_options = ClassifierSampler(documents.size());
  sampler_options.seed = random_.Next();
  NgameSampler sampler(static_cast<std::uint32_t>(documents.size()), dim_, sampler_options);
  DASHI_ASSIGN_OR_RETURN(const std::vector<float> vectors, StartVectors(documents, &sampler));
  DASHI_RETURN_IF_ERROR(module_->SetClassifier(vectors, num_labels_));
  if (stops_early) {
    DASHI_RETURN_IF_ERROR(KeepBest(/*epoch=*/0).status());
  }
  const std::uint64_t num_steps =
      std::uint64_t{options_.classifier_epochs} * sampler.batches_per_epoch();
  TrainingProgress progress(control_, phase, std::uint64_t{num_epochs} * documents.size(),
                            "documents", since_start_);
  std::uint64_t step = 0;
  for (std::uint32_t epoch = 0; epoch < num_epochs; ++epoch) {
    EpochLoss loss;
    DASHI_RETURN_IF_ERROR(sampler.BeginEpoch(epoch, pool_, module_.get()));
    for (std::uint32_t i = 0; i < sampler.batches_per_epoch(); ++i, ++step) {
      DASHI_RETURN_IF_ERROR(progress.CheckStop());
      const std::span<const std::uint32_t> rows = sampler.Batch(i);
      const StepRates rates =
          ClassifierRates(LearningRateShare(step, num_steps, options_.classifier_warmup_steps));
      DASHI_ASSIGN_OR_RETURN(const StepResult result,
                             StepClassifier(documents, rows, rates, sampler));
      sampler.Remember(rows, result.row_embeddings);
      loss.Add(result.loss, rows.size());
      progress.Advance(rows.size(), result.loss);
    }
    if (!stops_early) {
      ReportEpoch(phase, epoch + 1, loss, nullptr);
      continue;
    }
    epochs_run_ = epoch + 1;
    DASHI_ASSIGN_OR_RETURN(const std::optional<RankingQuality> quality, KeepBest(epochs_run_));
    ReportEpoch(phase, epochs_run_, loss, quality ? &*quality : nullptr);
    if (epochs_run_ - best_epoch_ >= kPatienceEpochs) {
      break;
    }
  }
  progress.Finish();
  return Status();
}

Result<std::vector<float>> NgameTraining::EncodeLabels() {
  std::vector<float> embeddings(std::size_t{num_labels_} * dim_);  // [num_labels, dim]
  DASHI_RETURN_IF_ERROR(module_->Encode(task_.label_tokens, embeddings.data()));
  return embeddings;
}

Result<RankingTask> NgameTraining::EmbedValidation(std::size_t documents_max) {
  std::vector<std::uint32_t> documents = documents_.validation;
  documents.resize(std::min(documents.size(), documents_max));
  std::vector<std::uint32_t> rows(documents.size());
  std::iota(rows.begin(), rows.end(), 0U);
  RankingTask ranking;
  ranking.truth = SelectRows(documents_.truth, rows);
  ranking.ignored = SelectRows(documents_.ignored, rows);
  ranking.embeddings.resize(documents.size() * dim_);  // [documents, dim]
  DASHI_RETURN_IF_ERROR(
      module_->Encode(SelectRows(task_.document_tokens, documents), ranking.embeddings.data()));
  return ranking;
}

std::vector<float> NgameTraining::UnitClassifiers() const {
  std::vector<float> vectors = module_->ExportClassifier();  // [num_labels, dim]
  for (std::size_t label = 0; label < num_labels_; ++label) {
    index::NormalizeInPlace(vectors.data() + label * dim_, dim_);
  }
  return vectors;
}

Result<std::optional<RankingQuality>> NgameTraining::KeepBest(std::uint32_t epoch) {
  if (documents_.validation.empty()) {
    best_epoch_ = epoch;
    return std::optional<RankingQuality>();
  }
  // With equal weights one product gives the fused score: <e, z + w>.
  DASHI_ASSIGN_OR_RETURN(std::vector<float> sums, EncodeLabels());  // [num_labels, dim]
  const std::vector<float> classifiers = UnitClassifiers();
  index::AddScaled(1.0F, classifiers.data(), sums.data(), sums.size());
  DASHI_ASSIGN_OR_RETURN(const RankingTask ranking, EmbedValidation(kEarlyStoppingDocuments));
  DASHI_ASSIGN_OR_RETURN(const auto candidates,
                         FindCandidates(ranking, {sums, {}, dim_}, /*num_candidates=*/5,
                                        options_.num_threads, backend_, control_));
  const RankingQuality quality = MeasureRankings(RankCandidates(candidates, {1.0, 0.0}, /*k=*/5),
                                                 ranking.truth, label_counts_, num_documents_);
  const double objective = quality.ValueFor(options_.objective);
  if (objective > best_objective_) {
    best_objective_ = objective;
    best_epoch_ = epoch;
    best_encoder_ = module_->ExportParameters();
    best_classifier_ = module_->ExportClassifier();
  }
  return std::optional<RankingQuality>(quality);
}

void NgameTraining::ReportEpoch(const std::string& stage, std::uint32_t epoch,
                                const EpochLoss& loss, const RankingQuality* quality) const {
  if (!control_.on_epoch) {
    return;
  }
  EpochReport report;
  report.stage = stage;
  report.epoch = epoch;
  report.seconds = since_start_.Seconds();
  report.loss = loss.Mean();
  if (quality != nullptr) {
    report.p1 = quality->p1;
    report.ndcg5 = quality->ndcg5;
    report.psp5 = quality->psp5;
  }
  control_.on_epoch(report);
}

Status NgameTraining::RestoreBest() {
  if (best_epoch_ == epochs_run_) {
    return Status();
  }
  DASHI_RETURN_IF_ERROR(module_->ImportParameters(best_encoder_));
  return module_->SetClassifier(best_classifier_, num_labels_);
}

Status NgameTraining::FitScores(NgameModel* model) {
  TrainingProgress progress(control_, "fusion", documents_.validation.size(), "documents",
                            since_start_);
  const std::vector<float> classifiers = UnitClassifiers();
  model->num_validation_documents = documents_.validation.size();
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
    model->fusion_encoder = dense.encoder;
    model->fusion_classifier = dense.classifier;
    DASHI_RETURN_IF_ERROR(TrainRanker(documents_.training, model));
    ScoreCandidates(task_, std::span(documents_.validation).first(candidates.size()), model->ranker,
                    pool_, &candidates);
    fused = FitRankerFusion(candidates, ranking.truth, label_counts_, num_documents_,
                            options_.objective, dense);
  }
  model->fusion_encoder = fused.encoder;
  model->fusion_classifier = fused.classifier;
  model->fusion_ranker = fused.ranker;
  if (!candidates.empty()) {
    AddMetrics("", fused.quality, &model->validation_metrics);
    AddMetrics("dense ", dense.quality, &model->validation_metrics);
    for (const auto& [prefix, encoder] : {std::pair{"encoder ", 1.0}, {"classifier ", 0.0}}) {
      AddMetrics(prefix,
                 MeasureRankings(RankCandidates(candidates, {encoder, 1.0 - encoder}, /*k=*/5),
                                 ranking.truth, label_counts_, num_documents_),
                 &model->validation_metrics);
    }
  }
  progress.Advance(documents_.validation.size());
  progress.Finish();
  return Status();
}

bool NgameTraining::HasRanker() const {
  return options_.ranker && task_.num_features > 0 && !documents_.validation.empty();
}

Status NgameTraining::TrainRanker(std::span<const std::uint32_t> documents, NgameModel* model) {
  const Stopwatch since_stage;
  DASHI_ASSIGN_OR_RETURN(const std::vector<float> labels, EncodeLabels());
  const std::vector<float> classifiers = UnitClassifiers();
  std::vector<float> vectors(labels.size(), 0.0F);  // [num_labels, dim]
  index::AddScaled(static_cast<float>(model->fusion_encoder), labels.data(), vectors.data(),
                   vectors.size());
  index::AddScaled(static_cast<float>(model->fusion_classifier), classifiers.data(), vectors.data(),
                   vectors.size());
  SparseRankerOptions stage = options_.sparse_ranker;
  stage.seed = options_.seed;
  DASHI_ASSIGN_OR_RETURN(
      model->ranker, TrainRankerStage(task_, documents, std::move(vectors), dim_, *module_, stage,
                                      backend_, pool_, control_, since_start_));
  model->ranker_seconds += since_stage.Seconds();
  return Status();
}

Status NgameTraining::Refit(std::span<const NamedTensor> first_stage, NgameModel* model) {
  best_encoder_ = std::vector<NamedTensor>();
  best_classifier_ = std::vector<float>();
  model->ranker = SparseRankerWeights();
  DASHI_RETURN_IF_ERROR(module_->ImportParameters(first_stage));
  DASHI_RETURN_IF_ERROR(
      TrainClassifier("refit", documents_.all, best_epoch_, /*stops_early=*/false));
  return model->fusion_ranker > 0 ? TrainRanker(documents_.all, model) : Status();
}

Result<NgameModel> NgameTraining::Run() {
  NgameModel model;
  DASHI_RETURN_IF_ERROR(Prepare());
  DASHI_RETURN_IF_ERROR(TrainEncoder());
  model.encoder_seconds = since_start_.Seconds();
  const std::vector<NamedTensor> first_stage = module_->ExportParameters();
  DASHI_RETURN_IF_ERROR(TrainClassifier("classifier", documents_.training,
                                        options_.classifier_epochs, /*stops_early=*/true));
  DASHI_RETURN_IF_ERROR(RestoreBest());
  DASHI_RETURN_IF_ERROR(FitScores(&model));
  if (!documents_.validation.empty()) {
    DASHI_RETURN_IF_ERROR(Refit(first_stage, &model));
  }
  model.encoder = module_->ExportParameters();
  model.classifiers = UnitClassifiers();
  model.classifier_seconds = since_start_.Seconds() - model.encoder_seconds - model.ranker_seconds;
  model.classifier_epochs_run = epochs_run_;
  return model;
}

}  // namespace

Result<NgameModel> TrainNgame(const TrainingTask& task, const NgameOptions& options,
                              TensorBackend& backend, const TrainingControl& control) {
  DASHI_RETURN_IF_ERROR(CheckTask(task));
  DASHI_RETURN_IF_ERROR(CheckOptions(options));
  return NgameTraining(task, options, backend, control).Run();
}

}  // namespace dashi::trainer
