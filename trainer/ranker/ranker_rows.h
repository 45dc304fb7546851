#pragma once

#include <cstdint>
#include <span>

#include "trainer/ranker/sparse_ranker.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// Stands for a label of which a ranker knows nothing: its score is 0, as on the border between
/// right and wrong.
inline constexpr std::uint32_t kNoRankerRow = 0xFFFFFFFF;

/// Label texts as a ranker: a label's weights are its text's features, the bias 0.
/// Shape: label_features [num_labels, num_features].
SparseRankerWeights LabelTextRows(const SparseRows& label_features);

/// The ranker of other labels: row i is row rows[i] of `weights`.
SparseRankerWeights SelectRankerRows(const SparseRankerWeights& weights,
                                     std::span<const std::uint32_t> rows);

}  // namespace dashi::trainer
