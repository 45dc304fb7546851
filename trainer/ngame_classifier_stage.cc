#include <algorithm>
#include <utility>

#include "base/status.h"
#include "index/vector_kernels.h"
#include "trainer/learning_rate.h"
#include "trainer/ngame_training.h"
#include "trainer/sparse_rows.h"
#include "trainer/warm_start.h"

namespace dashi::trainer {
namespace {

// Held-out documents that early stopping looks at after each epoch.
constexpr std::size_t kEarlyStoppingDocuments = 1200;
// Epochs without a better hold-out before the classifier stage ends.
constexpr std::uint32_t kPatienceEpochs = 2;
// Documents whose embeddings are held at once for centroids.
constexpr std::size_t kCentroidChunk = 8192;

}  // namespace

SamplerOptions NgameTraining::ClassifierSampler(std::size_t num_rows) const {
  SamplerOptions sampler = EncoderSampler(num_rows);
  sampler.epochs = options_.classifier_epochs;
  sampler.random_share = 0;
  sampler.growth_share = 0;
  return sampler;
}

Result<std::vector<float>> NgameTraining::StartVectors(std::span<const std::uint32_t> documents) {
  DASHI_ASSIGN_OR_RETURN(std::vector<float> vectors, EncodeLabels());
  std::vector<std::uint32_t> counts(num_labels_, 0);
  for (const std::uint32_t document : documents) {
    for (const std::uint32_t label : RowColumns(task_.relevance, document)) {
      ++counts[label];
    }
  }
  std::vector<float> embeddings;
  std::vector<std::uint32_t> positions;
  for (std::size_t begin = 0; begin < documents.size(); begin += kCentroidChunk) {
    const std::size_t size = std::min(kCentroidChunk, documents.size() - begin);
    const std::span<const std::uint32_t> chunk = documents.subspan(begin, size);
    embeddings.resize(size * dim_);
    positions.resize(size);
    DASHI_RETURN_IF_ERROR(Encode(task_.document_tokens, chunk, embeddings.data()));
    for (std::size_t i = 0; i < size; ++i) {
      positions[i] = static_cast<std::uint32_t>(begin + i);
      for (const std::uint32_t label : RowColumns(task_.relevance, chunk[i])) {
        index::AddScaled(1.0F / static_cast<float>(counts[label]), embeddings.data() + i * dim_,
                         vectors.data() + std::size_t{label} * dim_, dim_);
      }
    }
    sampler_->Remember(positions, embeddings);
  }
  const WarmStart* warm = options_.warm_start.get();
  for (std::size_t label = 0; label < num_labels_; ++label) {
    if (warm != nullptr && warm->known_labels[label] != 0) {
      std::copy_n(warm->classifiers.data() + label * dim_, dim_, vectors.data() + label * dim_);
    }
    index::NormalizeInPlace(vectors.data() + label * dim_, dim_);
  }
  return vectors;
}

StepRates NgameTraining::ClassifierRates(std::uint64_t step) const {
  const std::uint64_t num_steps =
      std::uint64_t{options_.classifier_epochs} * sampler_->batches_per_epoch();
  const auto factor =
      static_cast<float>(LearningRateShare(step, num_steps, options_.classifier_warmup_steps));
  StepRates rates;
  rates.classifier = options_.classifier_learning_rate * factor;
  if (options_.classifier_trains_encoder) {
    rates.embeddings = options_.classifier_learning_rate_embeddings * factor;
    rates.dense = options_.learning_rate_dense * factor;
  }
  return rates;
}

BatchReader<DrawnBatch<ClassifierBatch>> NgameTraining::ReadClassifierBatches(
    std::span<const std::uint32_t> documents) {
  const auto draw = [this, documents, random = random_](std::uint32_t index) mutable {
    const Stopwatch since_begin;
    const std::span<const std::uint32_t> rows = sampler_->Batch(index);
    sampler_->WillNeed(rows);
    std::vector<std::uint32_t> chosen;
    for (const std::uint32_t row : rows) {
      chosen.push_back(documents[row]);
    }
    ClassifierBatch batch =
        batches_.ForClassifier(chosen, classifier_loss_, options_.random_labels, random);
    batch.dropout = options_.classifier_dropout;
    batch.dropout_seed = random.Next();
    const StepRates rates = ClassifierRates(StepOf(index));
    if (rates.embeddings <= 0 && rates.dense <= 0) {
      // Each row is in one batch of an epoch, so that steps meanwhile write to other rows.
      batch.embeddings = sampler_->Recall(rows);
    }
    return DrawnBatch<ClassifierBatch>{std::move(batch), random, since_begin.Seconds(), {}};
  };
  return {position_.batch, sampler_->batches_per_epoch(), options_.batches_ahead, draw};
}

Status NgameTraining::RunClassifierEpoch(const std::string& phase,
                                         std::span<const std::uint32_t> documents,
                                         TrainingProgress* progress) {
  BatchReader<DrawnBatch<ClassifierBatch>> reader = ReadClassifierBatches(documents);
  for (; position_.batch < sampler_->batches_per_epoch(); ++position_.batch) {
    DASHI_RETURN_IF_ERROR(Poll(*progress));
    const Stopwatch since_batch;
    const DrawnBatch<ClassifierBatch> drawn = reader.Next();
    const Stopwatch since_step;
    DASHI_ASSIGN_OR_RETURN(
        const StepResult result,
        module_->ClassifierStep(drawn.batch, ClassifierRates(StepOf(position_.batch))));
    random_ = drawn.after;
    times_.batch_seconds += drawn.seconds;
    DASHI_RETURN_IF_ERROR(FinishStep(phase, result, since_step.Seconds(), since_batch, progress));
  }
  return Status();
}

Status NgameTraining::StartClassifier(std::span<const std::uint32_t> documents, bool stops_early) {
  DASHI_ASSIGN_OR_RETURN(const std::vector<float> vectors, StartVectors(documents));
  DASHI_RETURN_IF_ERROR(module_->SetClassifier(vectors, num_labels_));
  return stops_early ? KeepBest(/*epoch=*/0).status() : Status();
}

Status NgameTraining::TrainClassifier(NgameStage stage, std::span<const std::uint32_t> documents,
                                      std::uint32_t num_epochs, bool stops_early) {
  const std::string phase = stage == NgameStage::kRefit ? "refit" : "classifier";
  const Random before = random_;
  DASHI_ASSIGN_OR_RETURN(bool resumes,
                         BeginStage(stage, documents.size(), ClassifierSampler(documents.size())));
  if (!resumes) {
    const Status started = StartClassifier(documents, stops_early);
    if (started.code() == StatusCode::kCancelled) {
      random_ = before;
      sampler_.reset();
      DASHI_RETURN_IF_ERROR(SaveIfDue());  // Before the stage.
    }
    DASHI_RETURN_IF_ERROR(started);
  }
  TrainingProgress progress(control_, phase, std::uint64_t{num_epochs} * documents.size(),
                            "documents", since_start_);
  progress.Skip(ItemsDone(documents.size()));
  for (; position_.epoch < num_epochs; ++position_.epoch) {
    DASHI_RETURN_IF_ERROR(BeginEpoch(&resumes));
    DASHI_RETURN_IF_ERROR(RunClassifierEpoch(phase, documents, &progress));
    if (!stops_early) {
      ReportEpoch(phase, nullptr);
      continue;
    }
    epochs_run_ = position_.epoch + 1;
    const Result<std::optional<RankingQuality>> kept = KeepBest(epochs_run_);
    if (kept.status().code() == StatusCode::kCancelled) {
      DASHI_RETURN_IF_ERROR(SaveIfDue());  // Behind the last batch.
    }
    DASHI_ASSIGN_OR_RETURN(const std::optional<RankingQuality> quality, kept);
    ReportEpoch(phase, quality ? &*quality : nullptr);
    if (epochs_run_ - best_epoch_ >= kPatienceEpochs) {
      break;
    }
  }
  progress.Finish();
  sampler_.reset();
  return Status();
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

Status NgameTraining::RestoreBest() {
  if (best_epoch_ != epochs_run_) {
    DASHI_RETURN_IF_ERROR(module_->ImportParameters(best_encoder_));
    DASHI_RETURN_IF_ERROR(module_->SetClassifier(best_classifier_, num_labels_));
  }
  best_encoder_ = std::vector<NamedTensor>();
  best_classifier_ = std::vector<float>();
  return Status();
}

}  // namespace dashi::trainer
