#pragma once

#include <functional>

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "storage/store.h"
#include "trainer/bag_module.h"
#include "trainer/estimate/training_estimate.h"
#include "trainer/estimate/trial_runs.h"
#include "trainer/ngame.h"
#include "trainer/scratch/scratch_space.h"
#include "trainer/training_data.h"
#include "trainer/training_encoder.h"
#include "trainer/training_job.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// Where a job keeps its large arrays: files of the database directory, whose reserve they respect.
/// Null, so that all is in memory, where the database is only read. `store` must outlive it.
std::unique_ptr<ScratchSpace> OpenScratch(storage::Store& store, const TrainingJob& job);

/// Reads the rows that a job learns from. `cache` may be null.
///
/// Errors: as ReadTrainingData; kInvalidArgument for the option validation.
Result<TrainingData> ReadJobRows(const storage::View& view, const TrainingJob& job,
                                 const TrainingEncoder& kind, TokenCache* cache,
                                 const TrainingControl& control);

/// What is trained, with what the release of `warm_start`, which must be a name, gives to it.
///
/// Errors: as ReadWarmStart.
Result<NgameOptions> ResolveJobOptions(const storage::View& view, const TrainingJob& job,
                                       const TrainingEncoder& kind, const TrainingData& data);

/// Puts an estimate into the row of its job.
void NoteEstimate(const TrainingEstimate& estimate, storage::JobRecord* record);

/// The estimate of one job, as it grows. Job and options must outlive it.
///
/// Threads: one thread at a time.
class TrainingPlan {
 public:
  /// `on_change` is told what is known; may be empty.
  TrainingPlan(const TrainingJob& job, const NgameOptions& options, double reading_seconds,
               std::function<void(const TrainingEstimate&)> on_change);

  Status EstimateSpace(const storage::View& view, const TrainingData& data, TensorBackend& backend);
  /// Errors: kResourceExhausted when memory (53200) or disk (53100) do not suffice.
  Status CheckSpace(storage::Store& store, TensorBackend& backend) const;
  /// Times pieces of the later stages.
  Status RunTrials(const TrainingTask& task, TensorBackend& backend, ThreadPool& pool,
                   const TrainingControl& control);
  /// Completes the estimate with the time.
  void AddTime(const StepTrial& trial);

  const TrainingEstimate& estimate() const { return estimate_; }

 private:
  void Tell() const;

  const TrainingJob& job_;
  const NgameOptions& options_;
  const double reading_seconds_;
  const std::function<void(const TrainingEstimate&)> on_change_;
  TrainingEstimate estimate_;
  TrialRates rates_;
};

}  // namespace dashi::trainer
