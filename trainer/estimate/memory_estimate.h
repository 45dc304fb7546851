#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/estimate/training_sizes.h"
#include "trainer/ngame.h"

namespace dashi::trainer {

/// Something that a training keeps in memory.
struct MemoryPart {
  std::string name;
  std::uint64_t bytes = 0;
  bool is_tensor = false;  ///< lives on the GPU when the training does
  bool is_read = false;    ///< is there once the rows are read
  bool is_rows = false;    ///< in files, where it does not fit rows_memory_mb
};

/// What is in memory at the worst moment of a stage.
struct MemoryPhase {
  std::string name;
  std::vector<MemoryPart> parts;

  /// Of the machine. `on_device`: tensors are elsewhere.
  std::uint64_t HostBytes(bool on_device) const;
  std::uint64_t DeviceBytes() const;
};

/// The stages of a training in their order, each with what its code allocates: what stands here
/// follows ngame_training.h and the modules of trainer/torch, and bench figures check it
/// (docs/BENCHMARKS.md). Beside it are the program and the database's own memory.
std::vector<MemoryPhase> EstimateMemory(const TrainingSizes& sizes, const NgameOptions& options);

/// The stage that needs most.
const MemoryPhase& PeakPhase(const std::vector<MemoryPhase>& phases, bool on_device);

}  // namespace dashi::trainer
