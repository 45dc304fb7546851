#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "index/vector_index.h"
#include "trainer/balanced_tree.h"
#include "trainer/level_splitter.h"
#include "trainer/scratch/scratch_space.h"

namespace dashi::trainer {

/// A splitter on the processor. Vectors, pool and `scratch`, which may be null, must outlive it.
///
/// Errors:  kResourceExhausted (53100) when the disk is full.
/// Threads: uses the pool; the result does not depend on its size.
/// Cost:    20 bytes a row, in `scratch`.
Result<std::unique_ptr<LevelSplitter>> MakeProcessorSplitter(index::HalfMatrixView vectors,
                                                             ThreadPool& pool,
                                                             ScratchSpace* scratch);

/// Clusters the splitter's unit vectors by recursive balanced spherical 2-means into
/// 2^ceil(log2(num_rows / cluster_size)) leaves: at each node two random rows start as centroids,
/// then as SplitRules say.
///
/// The exact procedure, which devices run. On the processor training has ClusterBySamples, whose
/// twin this is.
///
/// Errors:  the splitter's; cluster_size 0 counts as 1.
/// Cost:    about 1.5 * num_rows * dim multiply-adds an iteration and level, some six iterations.
/// Paper:   NGAME, section 3.2 and its code. Deviations: medians by selection instead of sorting;
///          start rows that are equal are drawn again.
///
/// Fills in `rows` and returns the offsets, as in BalancedClusters.
Result<std::vector<std::uint32_t>> ClusterBalanced(std::span<std::uint32_t> rows,
                                                   std::uint32_t cluster_size, std::uint64_t seed,
                                                   LevelSplitter& splitter);
/// The same in memory.
Result<BalancedClusters> ClusterBalanced(std::size_t num_rows, std::uint32_t cluster_size,
                                         std::uint64_t seed, LevelSplitter& splitter);
/// The same on the processor, which cannot fail.
BalancedClusters ClusterBalanced(index::HalfMatrixView vectors, std::uint32_t cluster_size,
                                 std::uint64_t seed, ThreadPool& pool);

}  // namespace dashi::trainer
