#include "trainer/ngame_training.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/heap_trim.h"
#include "base/status.h"
#include "index/vector_kernels.h"
#include "trainer/ngame_encoder.h"
#include "trainer/sparse_rows.h"
#include "trainer/warm_start.h"

namespace dashi::trainer {
namespace {

// Texts encoded between two questions whether to go on.
constexpr std::size_t kEncodeChunk = 1024;
// Steps that are timed at the beginning, and texts that are encoded for it.
constexpr std::size_t kTrialSteps = 20;
constexpr std::size_t kTrialTexts = 256;

// The log-odds of a label for any document: what sigmoids over all labels begin at.
LossOptions WithPriorBias(LossOptions loss, const SparseRows& relevance, std::uint32_t num_labels) {
  const double num_cells =
      std::max(1.0, static_cast<double>(relevance.num_rows()) * static_cast<double>(num_labels));
  const double share =
      std::clamp(static_cast<double>(relevance.columns.size()) / num_cells, 1e-9, 0.5);
  loss.bias = static_cast<float>(std::log(share / (1.0 - share)));
  return loss;
}

}  // namespace

NgameTraining::NgameTraining(const TrainingTask& task, const NgameOptions& options,
                             TensorBackend& backend, const TrainingControl& control)
    : task_(task),
      options_(options),
      backend_(backend),
      control_(control),
      dim_(options.dim),
      num_documents_(static_cast<std::uint32_t>(task.relevance.num_rows())),
      num_labels_(static_cast<std::uint32_t>(task.label_tokens.num_rows())),
      label_counts_(CountLabels(task.relevance, num_labels_)),
      classifier_loss_(WithPriorBias(options.classifier_loss, task.relevance, num_labels_)),
      batches_(task),
      pool_(options.num_threads),
      random_(options.seed) {}

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
  const WarmStart* warm = options_.warm_start.get();
  if (warm == nullptr) {
    return Status();
  }
  DASHI_CHECK(warm->known_labels.size() == num_labels_ &&
              warm->classifiers.size() == std::size_t{num_labels_} * dim_);
  if (warm->encoder.empty()) {
    return Status();
  }
  DASHI_ASSIGN_OR_RETURN(const std::vector<NamedTensor> parameters,
                         TakeOver(*warm, dim_, module_->ExportParameters()));
  return module_->ImportParameters(parameters);
}

Result<NgameModel> NgameTraining::Run() {
  DASHI_RETURN_IF_ERROR(Prepare());
  DASHI_RETURN_IF_ERROR(Resume());
  if (IsBefore(NgameStage::kEncoder)) {
    DASHI_RETURN_IF_ERROR(TrainEncoder());
    model_.encoder_seconds = Seconds();
    first_stage_ = module_->ExportParameters();
  }
  if (IsBefore(NgameStage::kClassifier)) {
    DASHI_RETURN_IF_ERROR(TrainClassifier(NgameStage::kClassifier, documents_.training,
                                          options_.classifier_epochs, /*stops_early=*/true));
    DASHI_RETURN_IF_ERROR(RestoreBest());
  }
  if (IsBefore(NgameStage::kScores)) {
    DASHI_RETURN_IF_ERROR(RunWhole(NgameStage::kScores, [this] { return FitScores(); }));
  }
  if (!documents_.validation.empty()) {
    if (IsBefore(NgameStage::kRefit)) {
      DASHI_RETURN_IF_ERROR(Refit());
    }
    if (IsBefore(NgameStage::kRefitRanker) && model_.fusion_ranker > 0) {
      DASHI_RETURN_IF_ERROR(RunWhole(NgameStage::kRefitRanker, [this] { return RefitRanker(); }));
    }
  }
  DASHI_RETURN_IF_ERROR(RunWhole(NgameStage::kDone, [] { return Status(); }));
  model_.ranker.word_candidates = model_.ranker_word_candidates;
  model_.encoder = module_->ExportParameters();
  model_.classifiers = UnitClassifiers();
  model_.classifier_seconds = Seconds() - model_.encoder_seconds - model_.ranker_seconds;
  model_.classifier_epochs_run = epochs_run_;
  return std::move(model_);
}

Status NgameTraining::Refit() {
  if (!first_stage_.empty()) {
    model_.ranker = SparseRankerWeights();
    DASHI_RETURN_IF_ERROR(module_->ImportParameters(first_stage_));
    first_stage_ = std::vector<NamedTensor>();
  }
  return TrainClassifier(NgameStage::kRefit, documents_.all, best_epoch_, /*stops_early=*/false);
}

Result<bool> NgameTraining::BeginStage(NgameStage stage, std::size_t num_rows,
                                       SamplerOptions options) {
  const bool resumes = std::exchange(resumes_, false) && position_.has_begun;
  if (!resumes) {
    position_ = {stage, 0, 0, {}, false};
    options.seed = random_.Next();
  }
  sampler_.reset();
  DASHI_ASSIGN_OR_RETURN(sampler_, NgameSampler::Make(static_cast<std::uint32_t>(num_rows), dim_,
                                                      options, control_.scratch));
  if (!resumes) {
    return false;
  }
  DASHI_RETURN_IF_ERROR(sampler_->Load(*control_.checkpoints->Latest()));
  if (position_.epoch >= options.epochs || position_.batch > sampler_->batches_per_epoch()) {
    return Status::Corruption("the position of a checkpoint is behind the end of its stage");
  }
  return true;
}

Status NgameTraining::BeginEpoch(bool* resumes) {
  times_ = EpochTimes();
  TrimHeap();  // Of the last look at the hold-out, or what came before the stage.
  if (std::exchange(*resumes, false)) {
    return Status();
  }
  position_.has_begun = true;
  position_.batch = 0;
  position_.loss = EpochLoss();
  const Stopwatch since_begin;
  DASHI_RETURN_IF_ERROR(sampler_->BeginEpoch(position_.epoch, pool_, module_.get()));
  times_.cluster_seconds = since_begin.Seconds();
  return Status();
}

Status NgameTraining::FinishStep(const std::string& phase, const StepResult& result,
                                 double step_seconds, const Stopwatch& since_batch,
                                 TrainingProgress* progress) {
  const std::span<const std::uint32_t> rows = sampler_->Batch(position_.batch);
  sampler_->Remember(rows, result.row_embeddings);
  times_.step_seconds += step_seconds;
  times_.wait_seconds += since_batch.Seconds() - step_seconds;
  position_.loss.Add(result.loss, rows.size());
  progress->Advance(rows.size(), result.loss);
  const std::uint32_t num_epochs =
      phase == "encoder" ? options_.epochs : options_.classifier_epochs;
  const bool is_last =
      StepOf(position_.batch) + 1 == std::uint64_t{num_epochs} * sampler_->batches_per_epoch();
  return NoteTrialStep({phase, since_batch.Seconds(), rows.size(), is_last});
}

Status NgameTraining::NoteTrialStep(const TrialStep& step) {
  if (trial_is_over_ || !control_.on_trial) {
    return Status();
  }
  trial_.push_back(step.seconds / static_cast<double>(step.num_texts));
  if (trial_.size() < kTrialSteps && !step.is_last) {
    return Status();
  }
  trial_is_over_ = true;
  StepTrial trial;
  trial.stage = step.stage;
  trial.num_steps = trial_.size();
  const auto median = trial_.begin() + static_cast<std::ptrdiff_t>(trial_.size() / 2);
  std::nth_element(trial_.begin(), median, trial_.end());
  trial.seconds_per_text = *median;
  // Reads parameters and changes nothing.
  const auto documents =
      std::span(documents_.training).first(std::min(kTrialTexts, documents_.training.size()));
  std::vector<float> embeddings(documents.size() * dim_);  // [documents, dim]
  const Stopwatch since_encode;
  DASHI_RETURN_IF_ERROR(Encode(task_.document_tokens, documents, embeddings.data()));
  trial.encode_seconds = since_encode.Seconds() / static_cast<double>(documents.size());
  control_.on_trial(trial);
  return Status();
}

Status NgameTraining::Poll(const TrainingProgress& progress) {
  DASHI_RETURN_IF_ERROR(SaveIfDue());
  Status status = progress.CheckStop();
  if (status.code() == StatusCode::kCancelled) {
    DASHI_RETURN_IF_ERROR(SaveIfDue());  // The owner may have asked for both just now.
  }
  return status;
}

std::uint64_t NgameTraining::ItemsDone(std::size_t num_items) const {
  return position_.epoch * std::uint64_t{num_items} +
         position_.batch * std::uint64_t{num_items} / sampler_->batches_per_epoch();
}

Status NgameTraining::RunWhole(NgameStage stage, const std::function<Status()>& run) {
  TrimHeap();
  if (!std::exchange(resumes_, false)) {
    position_ = {stage, 0, 0, {}, true};
    DASHI_RETURN_IF_ERROR(SaveIfDue());
  }
  Status status = run();
  if (status.code() == StatusCode::kCancelled) {
    DASHI_RETURN_IF_ERROR(SaveIfDue());
  }
  return status;
}

Status NgameTraining::Encode(const SparseRows& texts, std::span<const std::uint32_t> rows,
                             float* out) {
  for (std::size_t begin = 0; begin < rows.size(); begin += kEncodeChunk) {
    if (control_.should_stop && control_.should_stop()) {
      return Status::Cancelled("training was cancelled");
    }
    const auto chunk = rows.subspan(begin, std::min(kEncodeChunk, rows.size() - begin));
    DASHI_RETURN_IF_ERROR(module_->Encode(SelectRows(texts, chunk), out + begin * dim_));
  }
  return Status();
}

Result<std::vector<float>> NgameTraining::EncodeLabels() {
  std::vector<std::uint32_t> rows(num_labels_);
  std::iota(rows.begin(), rows.end(), 0U);
  std::vector<float> embeddings(std::size_t{num_labels_} * dim_);  // [num_labels, dim]
  DASHI_RETURN_IF_ERROR(Encode(task_.label_tokens, rows, embeddings.data()));
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
  DASHI_RETURN_IF_ERROR(Encode(task_.document_tokens, documents, ranking.embeddings.data()));
  return ranking;
}

std::vector<float> NgameTraining::UnitClassifiers() const {
  std::vector<float> vectors = module_->ExportClassifier();  // [num_labels, dim]
  for (std::size_t label = 0; label < num_labels_; ++label) {
    index::NormalizeInPlace(vectors.data() + label * dim_, dim_);
  }
  return vectors;
}

void NgameTraining::ReportEpoch(const std::string& stage, const RankingQuality* quality) const {
  if (!control_.on_epoch) {
    return;
  }
  EpochReport report;
  report.stage = stage;
  report.epoch = position_.epoch + 1;
  report.seconds = Seconds();
  report.loss = position_.loss.Mean();
  report.cluster_seconds = times_.cluster_seconds;
  report.prune_seconds = times_.prune_seconds;
  report.batch_seconds = times_.batch_seconds;
  report.wait_seconds = times_.wait_seconds;
  report.step_seconds = times_.step_seconds;
  if (graphs_ != nullptr) {
    report.graphs = graphs_->Report();
  }
  if (quality != nullptr) {
    report.p1 = quality->p1;
    report.ndcg5 = quality->ndcg5;
    report.psp5 = quality->psp5;
  }
  control_.on_epoch(report);
}

}  // namespace dashi::trainer
