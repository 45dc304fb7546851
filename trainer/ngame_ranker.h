#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/thread_pool.h"
#include "dashi/status.h"
#include "trainer/bag_module.h"
#include "trainer/ranker/sparse_ranker.h"
#include "trainer/ranker/sparse_ranker_training.h"
#include "trainer/training_progress.h"
#include "trainer/training_task.h"
#include "trainer/validation.h"

namespace dashi::trainer {

/// How many hard negatives a document gets.
std::size_t NegativesPerDocument(double labels_per_document);

/// The values of SvmOptions::c that the hold-out chooses from: `ranker_c`; where that is 0 the
/// usual one and, when labels have many of the pairs each, a stronger one.
std::vector<double> RankerTries(double ranker_c, std::size_t num_pairs, std::size_t num_labels);

/// How many documents that are drawn at random a label gets as negatives, from 10 to 100: the more,
/// the more documents there are for each label.
std::uint32_t RandomNegativesPerLabel(std::size_t num_documents, std::size_t num_labels);

/// Trains the sparse ranker of a model whose encoder and classifiers are trained: finds each
/// document's best labels by <e, label vector> and makes those that are wrong hard negatives, about
/// 20 for each of its labels.
///
/// Shape:  documents: rows of `task`; label_vectors [num_labels, dim], a*z + b*w.
/// Errors: kCancelled; those of the backend.
/// Cost:   one search a document (2 * labels * dim flops while labels are scanned), then that of
///         TrainSparseRanker.
Result<SparseRankerWeights> TrainRankerStage(
    const TrainingTask& task, std::span<const std::uint32_t> documents,
    std::vector<float> label_vectors, std::uint32_t dim, EncoderModule& module,
    const SparseRankerOptions& options, TensorBackend& backend, ThreadPool& pool,
    const TrainingControl& control, const Stopwatch& since_start);

/// Fills in the ranker's scores of candidates.  Shape: candidates [documents.size()].
void ScoreCandidates(const TrainingTask& task, std::span<const std::uint32_t> documents,
                     const SparseRankerWeights& ranker, ThreadPool& pool,
                     std::vector<std::vector<LabelCandidate>>* candidates);

}  // namespace dashi::trainer
