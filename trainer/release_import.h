#pragma once

#include <cstdint>
#include <string>

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "storage/store.h"
#include "trainer/release_encoder.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

struct ImportRequest {
  std::string model;      ///< made when it is not there
  std::string path;       ///< a folder as trainer/model_folder.h describes it
  std::string statement;  ///< of the job's row
};

struct ImportSummary {
  storage::ReleaseRecord release;
  std::uint64_t num_classifiers = 0;   ///< of labels that are in the folder and in the database
  std::uint64_t num_unclassified = 0;  ///< labels that only the database has
  std::uint64_t num_unknown = 0;       ///< labels that only the folder has
};

/// Makes a release of a model out of a folder: embeds all documents and labels with its encoder,
/// and takes classifiers, ranker and fusion for labels of the same id. A label that the folder does
/// not have gets its text embedding as classifier, and so do all when the folder is an encoder
/// alone. The release becomes visible with a finished job in one commit; a crash or an error before
/// leaves nothing but blobs that the next open removes.
///
/// A model that is made trains from the imported transformer, or anew as a bag.
///
/// Errors: those of ReadModelFolder; kFailedPrecondition (55000) without labels, and for a model
///         whose encoder is of another kind; kUnavailable for a transformer without LibTorch;
///         kCancelled; kResourceExhausted.
Result<ImportSummary> ImportRelease(storage::Store& store, const ImportRequest& request,
                                    const EncoderRuntime& runtime, ThreadPool& pool,
                                    const TrainingControl& control);

}  // namespace dashi::trainer
