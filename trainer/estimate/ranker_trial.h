#pragma once

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "trainer/ngame.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// Trains the ranker for a sample of labels and returns the seconds a label, all threads together.
/// Hard negatives are not known before the encoder is: in their place stand documents of labels
/// that occur beside the label, as many as there will be.
///
/// Errors: kCancelled.
Result<double> TimeRanker(const TrainingTask& task, const NgameOptions& options, ThreadPool& pool,
                          const TrainingControl& control);

}  // namespace dashi::trainer
