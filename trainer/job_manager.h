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
  /// Cancels what runs and waits for it; its job row says kCancelled.
  ~JobManager();
  JobManager(const JobManager&) = delete;
  JobManager& operator=(const JobManager&) = delete;

  /// Queues the training of a model and returns the job's id.
  ///
  /// Errors: kNotFound (42704) for an unknown model; option errors as ParseModelOptions.
  Result<std::uint64_t> SubmitTraining(const std::string& model,
                                       const storage::OptionMap& overrides,
                                       const std::string& statement);

  /// Waits until the job ends and returns its final row. `interrupted` is polled about ten times a
  /// second; when it returns true Wait returns kCancelled and the job goes on.
  ///
  /// Errors: kNotFound for an unknown job.
  Result<storage::JobRecord> Wait(std::uint64_t id, const ProgressCallback& on_progress,
                                  const std::function<bool()>& interrupted);

  /// Asks a queued or running job to stop; returns at once. A finished job is left as it is.
  Status Cancel(std::uint64_t id);

  /// The newest progress of the running job, if it is `id`.
  std::optional<Progress> CurrentProgress(std::uint64_t id) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dashi::trainer
