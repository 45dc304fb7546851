#pragma once

#include <cstdint>

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "trainer/bag_module.h"
#include "trainer/estimate/training_sizes.h"
#include "trainer/ngame.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// What small pieces of the later stages took, on this machine and with this data.
struct TrialRates {
  double classifier_seconds_per_text = 0;  ///< a step on a frozen encoder, of a document
  double cluster_seconds_per_row = 0;      ///< of one clustering of all items
  double search_seconds_per_text = 0;      ///< a document's shortlist among all labels
  double graph_seconds = 0;                ///< building a graph of all labels; 0: they are scanned
  double ranker_seconds_per_label = 0;     ///< all threads together
};

/// Runs pieces of the stages that come after the encoder's, on copies: of classifiers, clusters and
/// shortlists with random vectors, of the ranker with a sample of labels, whose negatives are
/// documents of labels that occur beside them. Nothing that the training uses is touched, its
/// random numbers neither.
///
/// Errors: kCancelled when control.should_stop says so; the backend's.
/// Cost:   one or two seconds for a bag encoder; memory below what the classifier stage needs.
Result<TrialRates> RunTrials(const TrainingTask& task, const TrainingSizes& sizes,
                             const NgameOptions& options, TensorBackend& backend, ThreadPool& pool,
                             const TrainingControl& control);

}  // namespace dashi::trainer
