#include "base/status.h"
#include "trainer/batch_size.h"
#include "trainer/learning_rate.h"
#include "trainer/ngame_training.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {
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
  sampler.batch_size = ChooseBatchSize(options_.batch_size, num_rows);
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
  DASHI_ASSIGN_OR_RETURN(
      bool resumes, BeginStage(NgameStage::kEncoder, items.size(), EncoderSampler(items.size())));
  const std::uint32_t num_batches = sampler_->batches_per_epoch();
  const std::uint64_t num_steps = std::uint64_t{options_.epochs} * num_batches;
  TrainingProgress progress(control_, "encoder", std::uint64_t{options_.epochs} * items.size(),
                            "documents", since_start_);
  progress.Skip(ItemsDone(items.size()));
  std::vector<std::uint32_t> chosen;
  for (; position_.epoch < options_.epochs; ++position_.epoch) {
    DASHI_RETURN_IF_ERROR(BeginEpoch(&resumes));
    for (; position_.batch < num_batches; ++position_.batch) {
      DASHI_RETURN_IF_ERROR(Poll(progress));
      const Stopwatch since_batch;
      const std::span<const std::uint32_t> rows = sampler_->Batch(position_.batch);
      chosen.clear();
      for (const std::uint32_t row : rows) {
        chosen.push_back(items[row]);
      }
      const std::uint64_t step = std::uint64_t{position_.epoch} * num_batches + position_.batch;
      const auto share =
          static_cast<float>(LearningRateShare(step, num_steps, options_.warmup_steps));
      const StepRates rates{options_.learning_rate_embeddings * share,
                            options_.learning_rate_dense * share, 0};
      const EncoderBatch batch = batches_.ForEncoder(chosen, options_.encoder_loss, random_);
      const Stopwatch since_step;
      DASHI_ASSIGN_OR_RETURN(const StepResult result, module_->EncoderStep(batch, rates));
      const double step_seconds = since_step.Seconds();
      sampler_->Remember(rows, result.row_embeddings);
      times_.step_seconds += step_seconds;
      times_.batch_seconds += since_batch.Seconds() - step_seconds;
      position_.loss.Add(result.loss, rows.size());
      progress.Advance(rows.size(), result.loss);
      DASHI_RETURN_IF_ERROR(
          NoteTrialStep({"encoder", since_batch.Seconds(), rows.size(), step + 1 == num_steps}));
    }
    ReportEpoch("encoder", nullptr);
  }
  progress.Finish();
  sampler_.reset();
  return Status();
}

}  // namespace dashi::trainer
