#pragma once

#include "dashi/status.h"
#include "trainer/ngame.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// Errors: kInvalidArgument naming what does not fit together: shapes, rows out of range, weights
///         that are not finite.
/// Cost:   one pass over the task.
Status CheckTask(const TrainingTask& task);

/// Errors: kInvalidArgument naming the option that is out of range.
Status CheckOptions(const NgameOptions& options);

}  // namespace dashi::trainer
