#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/thread_pool.h"
#include "dashi/status.h"
#include "trainer/batch_reader.h"
#include "trainer/encoder_module.h"
#include "trainer/fusion.h"
#include "trainer/hold_out.h"
#include "trainer/ngame.h"
#include "trainer/ngame_batches.h"
#include "trainer/ngame_sampler.h"
#include "trainer/ramen/graph_regularisers.h"
#include "trainer/training_progress.h"
#include "trainer/training_state.h"
#include "trainer/validation.h"

namespace dashi::trainer {

/// The mean loss of an epoch, each text counting alike.
struct EpochLoss {
  void Add(double loss, std::size_t num_texts_of_step) {
    sum += loss * static_cast<double>(num_texts_of_step);
    num_texts += static_cast<double>(num_texts_of_step);
  }
  double Mean() const { return num_texts > 0 ? sum / num_texts : 0; }

  double sum = 0;
  double num_texts = 0;
};

/// What an epoch's wall time went to, as in EpochReport. Not part of a checkpoint.
struct EpochTimes {
  double cluster_seconds = 0;
  double prune_seconds = 0;
  double batch_seconds = 0;
  double wait_seconds = 0;
  double step_seconds = 0;
};

/// A batch that was put together ahead of its step.
template <typename Batch>
struct DrawnBatch {
  Batch batch;
  Random after;        ///< the training's random numbers once the batch is drawn
  double seconds = 0;  ///< that it took
  std::vector<std::uint32_t> graph_sides;  ///< of the terms behind the first, of GraphRegularisers
};

/// The stages of a training in their order. Stored in checkpoints: append only, in this order.
enum class NgameStage : std::uint32_t {
  kEncoder = 0,
  kClassifier = 1,
  kScores = 2,       ///< the ranker on the training part, and the weights of the scores
  kRefit = 3,        ///< the classifier stage on all documents
  kRefitRanker = 4,  ///< the ranker on all documents
  kDone = 5,
};

/// Where a training is: the next batch of an epoch whose batches are drawn, or, in stages without
/// batches, their beginning.
struct NgamePosition {
  NgameStage stage = NgameStage::kEncoder;
  std::uint32_t epoch = 0;
  std::uint32_t batch = 0;
  EpochLoss loss;          ///< of the epoch so far
  bool has_begun = false;  ///< else nothing of the stage was done
};

/// One run of TrainNgame, from its beginning or from a checkpoint. Between two batches all that the
/// rest depends on is in its members, so that a state can be saved there (ngame_state.cc).
///
/// Threads: one thread at a time.
class NgameTraining {
 public:
  NgameTraining(const TrainingTask& task, const NgameOptions& options, TensorBackend& backend,
                const TrainingControl& control);

  Result<NgameModel> Run();

 private:
  // Splits the documents and makes the module, from a warm start where there is one.
  Status Prepare();
  Status TrainEncoder();
  // Runs the classifier stage on documents from the present encoder, for at most `num_epochs` of
  // its schedule. With `stops_early` the hold-out is looked at after each epoch.
  Status TrainClassifier(NgameStage stage, std::span<const std::uint32_t> documents,
                         std::uint32_t num_epochs, bool stops_early);
  Status RestoreBest();
  Status FitScores();
  // The weights of the release that the training starts from, where no hold-out can tell.
  Status TakeOverScores();
  // The held-out documents while the scores are fitted, and weights that were fitted to them.
  struct HeldOut;
  struct ScoreFit;
  // Of the rankers that are worth a try the one that is best on the hold-out.
  Result<ScoreFit> ChooseRanker(const HeldOut& held_out, const ScoreFit& dense);
  Result<ScoreFit> FitRanker(double c, const HeldOut& held_out, const ScoreFit& dense);
  // The fit with the votes of the nearest training documents, or as it was when they do not help.
  Result<ScoreFit> JoinVotes(const HeldOut& held_out, ScoreFit fit);
  // Stage 3 on documents, with the label vectors as they are now.
  Result<SparseRankerWeights> TrainRanker(std::span<const std::uint32_t> documents, double c);
  bool HasRanker() const;
  // Once the hold-out has told how long to train and how to weigh, teaches it too: the classifier
  // stage anew, on all documents.
  Status Refit();
  Status RefitRanker();

  std::vector<std::uint32_t> EncoderItems() const;
  SamplerOptions EncoderSampler(std::size_t num_rows) const;
  SamplerOptions ClassifierSampler(std::size_t num_rows) const;
  StepRates EncoderRates(std::uint64_t step) const;
  StepRates ClassifierRates(std::uint64_t step) const;
  // The step of a batch of this epoch, counted through the stage.
  std::uint64_t StepOf(std::uint32_t batch) const {
    return std::uint64_t{position_.epoch} * sampler_->batches_per_epoch() + batch;
  }
  // Reads the rest of the epoch's batches ahead. Until it is gone the reader has `batches_`, and
  // `random_` is as it was behind the last batch that was used.
  BatchReader<DrawnBatch<EncoderBatch>> ReadEncoderBatches(std::span<const std::uint32_t> items);
  // The regularisers of the encoder stage, where there are any.
  Status MakeGraphs(bool resumes);
  // Measures what their edges are worth and prunes them, where that is due. The sampler has the
  // items' embeddings.
  Status JudgeGraphs(std::span<const std::uint32_t> items);
  Status WeighGraphs();
  Status PruneGraphs(std::span<const std::uint32_t> items);
  Status PruneGraph(std::size_t graph, std::span<const std::uint32_t> items);
  // The sampler has the documents' embeddings when the encoder is frozen.
  BatchReader<DrawnBatch<ClassifierBatch>> ReadClassifierBatches(
      std::span<const std::uint32_t> documents);
  // The batches of an epoch that are left, one step each.
  Status RunEncoderEpoch(std::span<const std::uint32_t> items, TrainingProgress* progress);
  Status RunClassifierEpoch(const std::string& phase, std::span<const std::uint32_t> documents,
                            TrainingProgress* progress);
  // What comes before the first batch of the classifier stage.
  Status StartClassifier(std::span<const std::uint32_t> documents, bool stops_early);
  // Unit sums of each label's text embedding and the mean of its documents' embeddings, which also
  // go to the sampler; a label of a warm start has the vector that it had.
  Result<std::vector<float>> StartVectors(std::span<const std::uint32_t> documents);
  // Counts a step that was made in the epoch's times, its loss and the progress.
  Status FinishStep(const std::string& phase, const StepResult& result, double step_seconds,
                    const Stopwatch& since_batch, TrainingProgress* progress);
  // Remembers the parameters when the hold-out is better than ever before. Returns how good it is,
  // where there is one.
  Result<std::optional<RankingQuality>> KeepBest(std::uint32_t epoch);
  void ReportEpoch(const std::string& stage, const RankingQuality* quality) const;
  // Encodes chosen rows, and asks now and then whether to go on.  Shape: out [rows.size(), dim].
  Status Encode(const SparseRows& texts, std::span<const std::uint32_t> rows, float* out);
  Result<std::vector<float>> EncodeLabels();
  Result<RankingTask> EmbedValidation(std::size_t documents_max);
  std::vector<float> UnitClassifiers() const;

  // Makes the stage's sampler, at its beginning or as the checkpoint has it. Returns whether the
  // stage goes on from a checkpoint.
  Result<bool> BeginStage(NgameStage stage, std::size_t num_rows, SamplerOptions options);
  // Draws the batches of the epoch that begins, which a checkpoint inside it has already.
  Status BeginEpoch(bool* resumes);
  // Times the first steps of a training that begins, and tells its owner.
  struct TrialStep {
    std::string stage;
    double seconds = 0;
    std::size_t num_texts = 0;
    bool is_last = false;  // of its stage
  };
  Status NoteTrialStep(const TrialStep& step);
  // Between batches: saves a state where one is due, then asks whether to go on.
  Status Poll(const TrainingProgress& progress);
  // Runs a stage that has no batches. A state is saved before it, or when it is stopped.
  Status RunWhole(NgameStage stage, const std::function<Status()>& run);
  // Of a stage of epochs over `num_items`.
  std::uint64_t ItemsDone(std::size_t num_items) const;
  bool IsBefore(NgameStage stage) const { return position_.stage <= stage; }
  double Seconds() const { return seconds_before_ + since_start_.Seconds(); }

  Status SaveIfDue();
  // Takes up the last checkpoint, where there is one.
  Status Resume();
  Status Save(StateWriter& to) const;
  Status Load(const StateReader& from);
  std::string EncodeNumbers() const;
  bool DecodeNumbers(std::string_view bytes);

  const TrainingTask& task_;
  const NgameOptions& options_;
  TensorBackend& backend_;
  const TrainingControl& control_;
  const std::uint32_t dim_;
  const std::uint32_t num_documents_;
  const std::uint32_t num_labels_;
  const std::vector<std::uint64_t> label_counts_;
  const LossOptions classifier_loss_;  // with the bias that the relevance sets
  NgameBatches batches_;
  ThreadPool pool_;
  const Stopwatch since_start_;
  HoldOut documents_;
  EpochTimes times_;
  std::vector<double> trial_;  // seconds a text of the first steps, until they are told
  bool trial_is_over_ = false;
  bool resumes_ = false;  // the stage of position_ has yet to be entered, from a checkpoint

  // What a checkpoint holds.
  NgamePosition position_;
  Random random_;
  double seconds_before_ = 0;  // of the runs before the last checkpoint
  std::unique_ptr<EncoderModule> module_;
  std::unique_ptr<NgameSampler> sampler_;      // in the stages that have batches
  std::unique_ptr<GraphRegularisers> graphs_;  // in the encoder stage of a task with graphs
  std::vector<NamedTensor> first_stage_;  // the encoder after its stage, until the refit begins
  // The best epoch of the classifier stage by the hold-out.
  double best_objective_ = -1;
  std::uint32_t best_epoch_ = 0;
  std::uint32_t epochs_run_ = 0;
  std::vector<NamedTensor> best_encoder_;
  std::vector<float> best_classifier_;
  NgameModel model_;  // its scalars and the ranker
};

}  // namespace dashi::trainer
