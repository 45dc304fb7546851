#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dashi/progress.h"
#include "dashi/status.h"
#include "storage/store.h"
#include "trainer/training_job.h"

namespace dashi::trainer {

struct JobManagerOptions {
  int num_threads = 0;            ///< 0 = one per core
  std::string torch_module_path;  ///< see LoadTensorBackend
};

/// Runs training jobs on a thread of its own, one at a time, in the order of submission. Every
/// state change is a row of `jobs`.
///
/// Threads: all methods may be called at once.
class JobManager {
 public:
  JobManager(storage::Store* store, const JobManagerOptions& options);
  /// Stops what runs, behind a checkpoint, and waits for it; its job row says kInterrupted.
  ~JobManager();
  JobManager(const JobManager&) = delete;
  JobManager& operator=(const JobManager&) = delete;

  /// Queues the training of a model and returns the job's id.
  ///
  /// Errors: kNotFound (42704) for an unknown model; option errors as ParseModelOptions.
  Result<std::uint64_t> SubmitTraining(const std::string& model,
                                       const storage::OptionMap& overrides,
                                       const std::string& statement);

  /// What SubmitTraining would need, found out in the calling thread: nothing is queued or written.
  /// `interrupted` is polled between steps.
  ///
  /// Errors: as SubmitTraining and ExplainTrainingJob.
  Result<TrainingExplanation> Explain(const std::string& model, const storage::OptionMap& overrides,
                                      const ProgressCallback& on_progress,
                                      const std::function<bool()>& interrupted);

  /// Waits until the job ends and returns its final row. `interrupted` is polled about ten times a
  /// second; when it returns true Wait returns kCancelled and the job goes on.
  ///
  /// Errors: kNotFound for an unknown job.
  Result<storage::JobRecord> Wait(std::uint64_t id, const ProgressCallback& on_progress,
                                  const std::function<bool()>& interrupted);

  /// Asks a queued or running job to stop for good; returns at once, and the job stops behind the
  /// batch that it is at. One that is paused or interrupted is over then, one that failed keeps its
  /// state, and their checkpoints go. A job that is over is left as it is.
  ///
  /// Errors: kNotFound for an unknown job.
  Status Cancel(std::uint64_t id);

  /// Asks a queued or running job to stop behind a checkpoint, paused; returns at once.
  ///
  /// Errors: kNotFound for an unknown job, kFailedPrecondition for one that does not run.
  Status Pause(std::uint64_t id);

  /// Queues a job that is paused, was interrupted or failed: it goes on from its last checkpoint,
  /// or from its beginning where it has none. On one thread it ends with the same bits as a job
  /// that was never stopped.
  ///
  /// Errors: kNotFound for an unknown job or model; kFailedPrecondition for one that is over,
  ///         (55006) for one that runs.
  Status Resume(std::uint64_t id);

  /// The newest progress of the running job, if it is `id`.
  std::optional<Progress> CurrentProgress(std::uint64_t id) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dashi::trainer
