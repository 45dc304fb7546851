#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "storage/store.h"
#include "trainer/bag_module.h"
#include "trainer/estimate/training_estimate.h"
#include "trainer/model_options.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

struct TrainingJob {
  std::uint64_t id = 0;
  std::string model;
  ModelOptions options;
  int num_threads = 1;  ///< resolved
  /// True when the job is about to be stopped and shall go on later.
  std::function<bool()> wants_checkpoint = [] { return false; };
  /// Stores the job's row with the blobs of a new checkpoint.
  std::function<Status(const std::vector<std::string>& names)> store_checkpoint;
  /// Called when the space that the training needs is known, and again with the time; may be empty.
  std::function<void(const TrainingEstimate&)> on_estimate;
};

/// A row of job_metrics.
storage::JobMetric DescribeEpoch(const EpochReport& report);

/// Trains a model on a snapshot of the database and stores the result as its next release: weights,
/// embeddings of all documents and labels, the label index when it is an HNSW graph. The release
/// becomes visible with `finished` (the job's row, whose `result` is set to the release's name) in
/// one commit; a crash before leaves nothing but blobs that the next open removes, and the last
/// checkpoint, which `finished.checkpoint` names when the job runs again: it then goes on with the
/// rows that it had read, whatever became of them, and embeds the rows that there are at its end.
///
/// Errors:  as ReadTrainingData and TrainNgame; kNotFound when the model was dropped meanwhile;
///          kIoError; kResourceExhausted, before the training begins, when memory (53200) or disk
///          (53100) do not suffice.
/// Threads: one call at a time per store.
Result<storage::ReleaseRecord> RunTrainingJob(storage::Store& store, const TrainingJob& job,
                                              TensorBackend& backend, ThreadPool& pool,
                                              const TrainingControl& control,
                                              storage::JobRecord finished);

/// What EXPLAIN TRAIN MODEL tells.
struct TrainingExplanation {
  TrainingEstimate estimate;  ///< without a time when it does not fit
  Status fits;                ///< why the training would be refused
  std::optional<std::uint64_t> available_memory_bytes;
  std::uint64_t free_disk_bytes = 0;
};

/// Reads the rows as the job would, runs its first steps and gives up: nothing is left of it, but
/// large rows stand in files meanwhile.
///
/// Errors:  as RunTrainingJob, but that a lack of space stands in the result.
/// Threads: any number at a time.
Result<TrainingExplanation> ExplainTrainingJob(storage::Store& store, const TrainingJob& job,
                                               TensorBackend& backend, ThreadPool& pool,
                                               const TrainingControl& control);

}  // namespace dashi::trainer
