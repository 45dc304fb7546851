#pragma once

#include <cstddef>
#include <vector>

#include "trainer/training_task.h"

namespace dashi::trainer {

/// What a positive of each label counts in training, so that labels which are seldom seen to be
/// relevant, since they are seldom shown, are not drowned out: the inverse of the label's
/// propensity by its number of documents (PropensityModel), divided so that the mean over all pairs
/// is 1.
///
/// Shape: relevance [num_documents, num_labels], result [num_labels].
/// Paper: Jain et al., Extreme Multi-label Loss Functions (KDD 2016).
std::vector<float> PropensityWeights(const SparseRows& relevance, std::size_t num_labels);

}  // namespace dashi::trainer
