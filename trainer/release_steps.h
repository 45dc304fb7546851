#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "storage/store.h"
#include "trainer/bag_encoder.h"
#include "trainer/release_embeddings.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// The steps that make a release out of its weights, shared by training and import.
///
/// What they write before the last one is named by nothing, and removed at the next open if that
/// one does not come.
struct ReleaseSteps {
  storage::Store& store;
  std::string operation;  ///< of progress reports: "TRAIN MODEL ads"
  std::uint64_t job = 0;
  ThreadPool& pool;
  const TrainingControl& control;

  /// Errors: kCancelled when the control says so.
  Status CheckStop() const;
  void Report(std::string_view phase, std::uint64_t done, std::uint64_t total,
              std::string_view unit) const;
};

/// The next number of a counter, which is never given again: Transaction::NextId, committed.
Result<std::uint64_t> NextNumber(storage::Store& store, std::string_view counter);

/// Writes the embeddings of every document and label as a version of their own, and returns those
/// of `labels` (ascending).
Result<EmbeddingRows> WriteEmbeddings(const ReleaseSteps& steps, const storage::View& view,
                                      const Encoder& encoder, std::uint64_t embedding_version,
                                      std::span<const storage::Ordinal> labels);

/// Gives the release its number and makes it visible together with the finished job. A model that
/// is not there is made from `new_model` when that is given.
///
/// Errors: kNotFound when the model is not there.
Status CommitRelease(const ReleaseSteps& steps, storage::JobRecord finished,
                     const std::optional<storage::ModelRecord>& new_model,
                     storage::ReleaseRecord* release);

}  // namespace dashi::trainer
