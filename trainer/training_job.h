#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "storage/store.h"
#include "trainer/bag_module.h"
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
};

/// Trains a model on a snapshot of the database and stores the result as its next release: weights,
/// embeddings of all documents and labels, the label index when it is an HNSW graph. The release
/// becomes visible with `finished` (the job's row, whose `result` is set to the release's name) in
/// one commit; a crash before leaves nothing but blobs that the next open removes, and the last
/// checkpoint, which `finished.checkpoint` names when the job runs again: it then goes on with the
/// rows that it had read, whatever became of them, and embeds the rows that there are at its end.
///
/// Errors:  as ReadTrainingData and TrainNgame; kNotFound when the model was dropped meanwhile;
///          kIoError, kResourceExhausted.
/// Threads: one call at a time per store.
Result<storage::ReleaseRecord> RunTrainingJob(storage::Store& store, const TrainingJob& job,
                                              TensorBackend& backend, ThreadPool& pool,
                                              const TrainingControl& control,
                                              storage::JobRecord finished);

}  // namespace dashi::trainer
