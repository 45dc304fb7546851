#pragma once

#include "bench/accuracy/data_set.h"
#include "dashi/status.h"
#include "trainer/bag_module.h"
#include "trainer/ngame.h"

namespace dashi::trainer {

/// Prints how well a model ranks the labels of the test documents, by each score and by all.
Status PrintAccuracy(const DataSet& data, const NgameModel& model, const NgameOptions& options,
                     TensorBackend& backend);

}  // namespace dashi::trainer
