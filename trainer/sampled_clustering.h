#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "index/vector_index.h"
#include "trainer/balanced_tree.h"
#include "trainer/scratch/scratch_space.h"

namespace dashi::trainer {

/// ClusterBalanced at a sixth of its cost, for hard negatives, which tolerate clusters that are not
/// the tightest: leaves have the same sizes, their rows' mean similarity is a few percent lower.
/// Centroids of a node are fitted to a sample of its rows, then all rows are cut at their median
/// once. The levels of ProductTree fit to all rows.
///
/// Errors:  kResourceExhausted (53100) when the disk is full; cluster_size 0 counts as 1.
/// Threads: uses the pool; the result does not depend on its size.
/// Cost:    20 bytes a row, in `scratch`, which may be null. Reads the vectors once for each level
///          down to nodes of SampledRules::kGatheredRowsMax rows, and once more for all below;
///          about num_rows * dim multiply-adds a level, and 3 * 1.5 times that of the sample.
/// Paper:   as ClusterBalanced. Deviations: samples, fewer iterations.
///
/// Fills in `rows` and returns the offsets, as in BalancedClusters.
Result<std::vector<std::uint32_t>> ClusterBySamples(index::HalfMatrixView vectors,
                                                    std::uint32_t cluster_size, std::uint64_t seed,
                                                    ThreadPool& pool, ScratchSpace* scratch,
                                                    std::span<std::uint32_t> rows);
/// The same in memory, which cannot fail.
BalancedClusters ClusterBySamples(index::HalfMatrixView vectors, std::uint32_t cluster_size,
                                  std::uint64_t seed, ThreadPool& pool);

}  // namespace dashi::trainer
