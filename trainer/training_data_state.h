#pragma once

#include "dashi/status.h"
#include "trainer/training_data.h"
#include "trainer/training_state.h"

namespace dashi::trainer {

/// Writes what ReadTrainingData gave as parts "data/...", so that a training goes on with the rows
/// that it began with, whatever became of them in the database.
///
/// Errors: the writer's.
Status SaveTrainingData(const TrainingData& data, StateWriter& to);

/// Reads it back, with the same bits. `scratch` as of TrainingControl.
///
/// Errors: kCorruption, kNotFound naming the part; kResourceExhausted (53100) when the disk is
/// full.
Result<TrainingData> LoadTrainingData(const StateReader& from, ScratchSpace* scratch);

}  // namespace dashi::trainer
