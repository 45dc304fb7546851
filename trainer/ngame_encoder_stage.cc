#include <utility>

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

StepRates NgameTraining::EncoderRates(std::uint64_t step) const {
  const std::uint64_t num_steps = std::uint64_t{options_.epochs} * sampler_->batches_per_epoch();
  const auto share = static_cast<float>(LearningRateShare(step, num_steps, options_.warmup_steps));
  return {options_.learning_rate_embeddings * share, options_.learning_rate_dense * share, 0};
}

BatchReader<DrawnBatch<EncoderBatch>> NgameTraining::ReadEncoderBatches(
    std::span<const std::uint32_t> items) {
  const auto draw = [this, items, random = random_](std::uint32_t index) mutable {
    const Stopwatch since_begin;
    const std::span<const std::uint32_t> rows = sampler_->Batch(index);
    sampler_->WillNeed(rows);
    std::vector<std::uint32_t> chosen;
    for (const std::uint32_t row : rows) {
      chosen.push_back(items[row]);
    }
    DrawnBatch<EncoderBatch> drawn{
        batches_.ForEncoder(chosen, options_.encoder_loss, random), random, 0, {}};
    if (graphs_ != nullptr) {
      drawn.graph_sides =
          graphs_->AppendTerms(chosen, batches_.labels(), StepOf(index), &drawn.batch);
    }
    drawn.seconds = since_begin.Seconds();
    return drawn;
  };
  return {position_.batch, sampler_->batches_per_epoch(), options_.batches_ahead, draw};
}

Status NgameTraining::RunEncoderEpoch(std::span<const std::uint32_t> items,
                                      TrainingProgress* progress) {
  BatchReader<DrawnBatch<EncoderBatch>> reader = ReadEncoderBatches(items);
  for (; position_.batch < sampler_->batches_per_epoch(); ++position_.batch) {
    DASHI_RETURN_IF_ERROR(Poll(*progress));
    const Stopwatch since_batch;
    DrawnBatch<EncoderBatch> drawn = reader.Next();
    if (graphs_ != nullptr) {
      graphs_->Weigh(drawn.graph_sides, &drawn.batch);
    }
    const Stopwatch since_step;
    DASHI_ASSIGN_OR_RETURN(
        const StepResult result,
        module_->EncoderStep(drawn.batch, EncoderRates(StepOf(position_.batch))));
    if (graphs_ != nullptr) {
      graphs_->NoteStep(StepOf(position_.batch), result.top1);
    }
    random_ = drawn.after;
    times_.batch_seconds += drawn.seconds;
    DASHI_RETURN_IF_ERROR(
        FinishStep("encoder", result, since_step.Seconds(), since_batch, progress));
  }
  return Status();
}

Status NgameTraining::TrainEncoder() {
  const std::vector<std::uint32_t> items = EncoderItems();
  DASHI_ASSIGN_OR_RETURN(
      bool resumes, BeginStage(NgameStage::kEncoder, items.size(), EncoderSampler(items.size())));
  DASHI_RETURN_IF_ERROR(MakeGraphs(resumes));
  TrainingProgress progress(control_, "encoder", std::uint64_t{options_.epochs} * items.size(),
                            "documents", since_start_);
  progress.Skip(ItemsDone(items.size()));
  for (; position_.epoch < options_.epochs; ++position_.epoch) {
    DASHI_RETURN_IF_ERROR(BeginEpoch(&resumes));
    DASHI_RETURN_IF_ERROR(JudgeGraphs(items));
    DASHI_RETURN_IF_ERROR(RunEncoderEpoch(items, &progress));
    ReportEpoch("encoder", nullptr);
  }
  progress.Finish();
  if (graphs_ != nullptr) {
    model_.graphs = graphs_->Report();
    graphs_.reset();
  }
  sampler_.reset();
  return Status();
}

}  // namespace dashi::trainer
