#pragma once

#include <cstdint>
#include <span>

#include "trainer/training_task.h"

namespace dashi::trainer {

/// The texts of labels as targets of the encoder: a label without a known token is described by the
/// heaviest tokens of the mean of its documents among `documents`, so that the encoder learns from
/// labels that are only names. Labels without such documents stay empty.
///
/// Shape: result [num_labels, vocabulary], values L2-normalised a row.
SparseRows DescribeLabels(const TrainingTask& task, std::span<const std::uint32_t> documents);

}  // namespace dashi::trainer
