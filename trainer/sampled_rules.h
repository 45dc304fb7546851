#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/random.h"

namespace dashi::trainer {

/// Where ClusterBySamples does less than SplitRules say. Measured in docs/BENCHMARKS.md.
struct SampledRules {
  /// The centroids of a node are fitted to a quarter of its rows, within these bounds.
  static constexpr std::size_t kSampleMin = 32;
  static constexpr std::size_t kSampleMax = 1024;
  static constexpr int kIterationsMax = 3;
  static constexpr double kGainMin = 1e-3;
  /// Nodes of at most so many rows are copied together, so that the levels below read a processor's
  /// cache.
  static constexpr std::size_t kGatheredRowsMax = 512;

  static constexpr std::size_t SampleSize(std::size_t num_rows) {
    return std::min(num_rows, std::clamp(num_rows / 4, kSampleMin, kSampleMax));
  }
  /// Of a node by its number in a heap that counts from 1.
  static std::uint64_t NodeSeed(std::uint64_t seed, std::uint64_t number) {
    return Random(seed ^ number).Next();
  }
};

}  // namespace dashi::trainer
