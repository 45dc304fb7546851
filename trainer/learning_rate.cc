#include "trainer/learning_rate.h"

#include <algorithm>

namespace dashi::trainer {

double LearningRateShare(std::uint64_t step, std::uint64_t num_steps, std::uint64_t warmup_steps) {
  if (step >= num_steps) {
    return 0;
  }
  const std::uint64_t warmup = std::min(warmup_steps, num_steps / 3);
  if (step < warmup) {
    return static_cast<double>(step + 1) / static_cast<double>(warmup + 1);
  }
  return static_cast<double>(num_steps - step) / static_cast<double>(num_steps - warmup);
}

}  // namespace dashi::trainer
