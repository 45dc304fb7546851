#pragma once

#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "index/vector_index.h"

namespace dashi::trainer {

/// Rows in the leaf order of a balanced binary tree. Leaves that stand side by side share a parent,
/// so joining 2^j neighbours (from a multiple of 2^j) gives the clusters of a coarser level.
struct BalancedClusters {
  std::vector<std::uint32_t> rows;     ///< [num_rows], a permutation
  std::vector<std::uint32_t> offsets;  ///< [num_leaves + 1]; num_leaves is a power of two
};

/// Clusters unit vectors by recursive balanced spherical 2-means into
/// 2^ceil(log2(num_rows / cluster_size)) leaves: at each node two random rows start as centroids,
/// rows are cut at the median of the difference of their similarities (the first half gets the odd
/// row), centroids become the halves' means, until the mean similarity gains less than 1e-4.
///
/// Errors:  none; cluster_size 0 counts as 1.
/// Threads: uses the pool; the result does not depend on its size.
/// Cost:    about 1.5 * num_rows * dim multiply-adds an iteration and level, some six iterations.
/// Paper:   NGAME, section 3.2 and its code. Deviations: medians by selection instead of sorting;
///          start rows that are equal are drawn again.
BalancedClusters ClusterBalanced(index::HalfMatrixView vectors, std::uint32_t cluster_size,
                                 std::uint64_t seed, ThreadPool& pool);

}  // namespace dashi::trainer
