#pragma once

#include <cstdint>
#include <span>

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "trainer/ranker/linear_svm.h"
#include "trainer/ranker/sparse_ranker.h"
#include "trainer/training_progress.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// SvmOptions::c of a ranker whose labels have few documents each.
inline constexpr double kUsualRankerC = 1.0;

struct SparseRankerOptions {
  SvmOptions svm;
  std::uint32_t random_negatives = 10;  ///< documents per label, beside the hard ones
  float weight_min = 0.1F;              ///< smaller weights are pruned
  std::uint64_t seed = 1;
  /// Pairs of a label and a document that are sorted by label at once. When there are more, labels
  /// are trained range by range, each after two passes over the documents' labels. Changes no bit.
  std::uint64_t pairs_at_once = 16'000'000;
};

/// What the ranker learns from. Rows of all three are the same documents.
struct SparseRankerTask {
  const SparseRows& document_features;  ///< [num_documents, num_features]
  const SparseRows& label_features;     ///< [num_labels, num_features]
  const SparseRows& relevance;          ///< [num_documents, num_labels]
  std::uint32_t num_features = 0;
  std::span<const std::uint32_t> documents;  ///< the rows to learn from
  /// [documents.size(), num_labels]: labels that the earlier stages rank high for the document
  /// though they are not relevant to it.
  const SparseRows& hard_negatives;
};

/// Trains one sparse linear function per label: positives are the label's documents and its own
/// text, negatives the documents that have it as a hard negative and a few random others. Each
/// label is a problem of its own with a seed of its own, so threads do not change the result.
///
/// Errors: kCancelled.
/// Cost:   examples * nonzeros * up to 20 passes, over all threads. Beside the task and the result
///         memory holds 4 bytes for each of pairs_at_once, and for each thread the examples of one
///         label: all documents that carry it.
Result<SparseRankerWeights> TrainSparseRanker(const SparseRankerTask& task,
                                              const SparseRankerOptions& options, ThreadPool& pool,
                                              TrainingProgress& progress);

/// Adds `factor` times each label's own text to its weights: a linear function too, and all that a
/// label without documents has. Weights stay ascending by feature.
///
/// Shape: label_features [weights.num_labels(), num_features].
SparseRankerWeights AddLabelTexts(const SparseRankerWeights& weights,
                                  const SparseRows& label_features, double factor);

}  // namespace dashi::trainer
