#pragma once

#include "trainer/estimate/training_sizes.h"
#include "trainer/estimate/trial_runs.h"
#include "trainer/ngame.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// Seconds of a training's parts, checkpoints not counted.
struct TimeEstimate {
  double reading_seconds = 0;  ///< measured
  double encoder_seconds = 0;
  double classifier_seconds = 0;  ///< the stage and its repetition on all documents
  double ranker_seconds = 0;      ///< both times, with the weights of the scores
  double release_seconds = 0;     ///< embeddings and index

  double Total() const;
};

/// Extrapolates: the encoder stage from its first steps, and from what trials of the later stages
/// took. A classifier step is its trial's on a frozen encoder plus, when it trains the encoder, the
/// share of an encoder step that a document's own text has. All epochs count, and the repetition
/// as many: early stopping makes it shorter.
TimeEstimate EstimateTime(const TrainingSizes& sizes, const NgameOptions& options,
                          double reading_seconds, const StepTrial& steps, const TrialRates& rates);

}  // namespace dashi::trainer
