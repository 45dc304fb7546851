#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dashi/status.h"
#include "storage/store.h"
#include "trainer/bag_module.h"
#include "trainer/estimate/disk_estimate.h"
#include "trainer/estimate/memory_estimate.h"
#include "trainer/estimate/time_estimate.h"
#include "trainer/estimate/training_sizes.h"
#include "trainer/ngame.h"

namespace dashi::trainer {

/// What a training needs, told before its long work.
struct TrainingEstimate {
  TrainingSizes sizes;
  std::vector<MemoryPhase> memory;  ///< by stage
  std::uint64_t memory_bytes = 0;   ///< of the machine, in the stage that needs most
  std::uint64_t device_bytes = 0;   ///< of the GPU, in the stage that needs most; 0 without
  std::uint64_t held_bytes = 0;     ///< of memory_bytes, what was read already
  DiskEstimate disk;
  std::optional<TimeEstimate> time;  ///< once the first steps were run
};

/// Limits of a training.
struct TrainingLimits {
  std::uint64_t memory_bytes_max = 0;            ///< 0: none but what is available
  std::optional<std::uint64_t> available_bytes;  ///< of the machine; nullopt: not known
};

/// The part that is known when the rows are read.
///
/// Errors: the backend's, for a device that is not there.
Result<TrainingEstimate> EstimateSpace(const TrainingSizes& sizes, const NgameOptions& options,
                                       TensorBackend& backend);

/// Refuses a training that would not fit.
///
/// Errors: kResourceExhausted (53200) with what is needed and available, and what smaller options
///         would need; for the memory of the machine, the limit, and the GPU.
Status CheckMemory(const TrainingEstimate& estimate, const NgameOptions& options,
                   const TrainingLimits& limits, TensorBackend& backend);

}  // namespace dashi::trainer
