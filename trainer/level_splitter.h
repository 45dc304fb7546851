#pragma once

#include <cstdint>
#include <span>

#include "dashi/status.h"

namespace dashi::trainer {

/// Two rows whose vectors may start the halves of a node.
struct StartPair {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
};

/// What every LevelSplitter does alike: balanced spherical 2-means of a node.
struct SplitRules {
  /// Pairs that are drawn for each node; the first is taken whose vectors' squared distance is
  /// larger than kDistanceMin, else the last.
  static constexpr std::size_t kStartPairs = 8;
  static constexpr float kDistanceMin = 1e-4F;
  /// Rows are cut at the median of the difference of their similarities to the two centroids,
  /// equal ones by row, and centroids move to the halves' means, until the mean similarity gains
  /// less than kGainMin.
  static constexpr int kIterationsMax = 25;
  static constexpr double kGainMin = 1e-4;
};

/// Cuts all nodes of one level of a balanced tree in two. The vectors are its own affair.
///
/// Threads: one thread at a time.
class LevelSplitter {
 public:
  virtual ~LevelSplitter() = default;
  /// Reorders each node's rows, rows[offsets[i] .. offsets[i + 1]), which ascend, into two halves
  /// that ascend, the first with the odd row. A node of one row stays as it is.
  ///
  /// Shape:  offsets [num_nodes + 1], from 0 to rows.size(); starts [num_nodes, kStartPairs].
  /// Errors: of the device that it runs on.
  virtual Status Split(std::span<const std::uint32_t> offsets, std::span<const StartPair> starts,
                       std::span<std::uint32_t> rows) = 0;
};

}  // namespace dashi::trainer
