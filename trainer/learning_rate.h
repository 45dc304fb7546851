#pragma once

#include <cstdint>

namespace dashi::trainer {

/// The share of the peak learning rate at a step: linear from 0 over the warm-up, then linear to 0
/// at the end. A warm-up longer than a third of all steps is cut to that.
///
/// Shape: step in [0, num_steps).
double LearningRateShare(std::uint64_t step, std::uint64_t num_steps, std::uint64_t warmup_steps);

}  // namespace dashi::trainer
