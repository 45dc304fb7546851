#pragma once

#include <cstdint>

#include "trainer/estimate/training_sizes.h"
#include "trainer/ngame.h"

namespace dashi::trainer {

/// What a training writes into the database directory.
struct DiskEstimate {
  std::uint64_t checkpoint_data_bytes = 0;   ///< the rows that it read, once
  std::uint64_t checkpoint_state_bytes = 0;  ///< the largest state; the last one stays until the
                                             ///< next is written
  std::uint64_t release_bytes = 0;           ///< weights, embeddings and index
  std::uint64_t scratch_bytes = 0;           ///< rows in files, at most, until the release

  /// At the fullest moment: two states and the rows in files, or one state and the release, beside
  /// what RocksDB has not cleared away yet.
  std::uint64_t PeakBytes() const;
};

DiskEstimate EstimateDisk(const TrainingSizes& sizes, const NgameOptions& options);

}  // namespace dashi::trainer
