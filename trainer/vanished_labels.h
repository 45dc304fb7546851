#pragma once

#include "dashi/status.h"
#include "storage/view.h"
#include "trainer/ngame.h"
#include "trainer/training_data.h"

namespace dashi::trainer {

/// Takes labels that the view lacks out of a trained model: their ordinals, classifiers and sparse
/// functions. A model that went on from a checkpoint may know labels that were deleted meanwhile.
///
/// Cost: one scan of the labels' ordinals.
Status DropVanishedLabels(const storage::View& view, TrainingData* data, NgameModel* model);

}  // namespace dashi::trainer
