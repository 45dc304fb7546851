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
#include "trainer/positives/positive_source.h"
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

/// How a release's indexes are made.
struct ReleaseIndexOptions {
  std::string kind = "auto";  ///< "auto", "exact", "hnsw"
  std::uint64_t seed = 1;
  int num_threads = 1;
};

/// Builds and saves the label index when it has to be a graph, and notes it in the release.
/// Shape: classifiers [num_labels, release->dim] binary16.
Status WriteLabelIndex(const ReleaseSteps& steps, const ReleaseIndexOptions& options,
                       const EmbeddingRows& labels, std::span<const std::uint16_t> classifiers,
                       storage::ReleaseRecord* release);

/// Stores which documents of the view vote for which of `labels` (the release's, ascending), and
/// their index when it has to be a graph. A release whose votes have no weight has none; votes get
/// none where no document can vote.
///
/// Needs the release's embeddings to be written.
Status WriteVotes(const ReleaseSteps& steps, const ReleaseIndexOptions& options,
                  const storage::View& view, const PositiveReading& positives,
                  std::span<const storage::Ordinal> labels, storage::ReleaseRecord* release);

/// Gives the release its number and makes it visible together with the finished job. A model that
/// is not there is made from `new_model` when that is given.
///
/// Errors: kNotFound when the model is not there.
Status CommitRelease(const ReleaseSteps& steps, storage::JobRecord finished,
                     const std::optional<storage::ModelRecord>& new_model,
                     storage::ReleaseRecord* release);

}  // namespace dashi::trainer
