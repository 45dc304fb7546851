#pragma once

#include <cstdint>
#include <string>

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
};

/// Trains a model on a snapshot of the database and stores the result as its next release: weights,
/// embeddings of all documents and labels, the label index when it is an HNSW graph. The release
/// becomes visible with `finished` (the job's row, whose `result` is set to the release's name) in
/// one commit; a crash before leaves nothing but blobs that the next open removes.
///
/// Errors:  as ReadTrainingData and TrainNgame; kNotFound when the model was dropped meanwhile;
///          kIoError, kResourceExhausted.
/// Threads: one call at a time per store.
Result<storage::ReleaseRecord> RunTrainingJob(storage::Store& store, const TrainingJob& job,
                                              TensorBackend& backend, ThreadPool& pool,
                                              const TrainingControl& control,
                                              storage::JobRecord finished);

}  // namespace dashi::trainer
