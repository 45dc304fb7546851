#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "storage/view.h"
#include "trainer/training_data.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// Reads graphs into the task of `data`, whose rows and vocabulary are there: for each document and
/// label of the training the targets of its edges (in a graph that is not directed, all its
/// neighbours), completed and bounded by a random walk, and the targets' texts. Rows that are not
/// in a graph have no anchors in it.
///
/// Errors:  kNotFound (42704) for a graph that does not exist; kFailedPrecondition (55000) for one
///          that has no edge from a row of the training; kCancelled when control.should_stop says
///          so; kResourceExhausted (53100) when the disk is full; those of the view.
/// Cost:    a walk a row (WalkFrom), with 64 MiB of neighbour lists in memory; 12 bytes an edge
///          beside the task's own rows while a graph is read.
/// Paper:   Mittal et al., RAMEN (WWW 2025), appendix A.
Status ReadTrainingGraphs(const storage::View& view, const GraphReading& options,
                          const TrainingControl& control, TrainingData* data);

}  // namespace dashi::trainer
