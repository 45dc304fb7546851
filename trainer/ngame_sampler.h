#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/random.h"
#include "base/thread_pool.h"
#include "dashi/status.h"
#include "trainer/encoder_module.h"
#include "trainer/scratch/scratch_array.h"
#include "trainer/training_state.h"

namespace dashi::trainer {

/// How mini-batches are drawn over the epochs of a stage.
struct SamplerOptions {
  std::uint32_t batch_size = 1024;
  std::uint32_t epochs = 12;
  double random_share = 0.2;  ///< of the epochs: batches at random
  double growth_share = 0.7;  ///< of the epochs: cluster size stops doubling
  std::uint32_t cluster_size_min = 2;
  std::uint32_t cluster_size_max = 64;
  std::uint32_t recluster_epochs = 3;
  std::uint64_t seed = 1;
};

/// Draws NGAME's mini-batches: first at random, then whole clusters of similar rows, so that rows
/// of a batch are hard negatives for each other. Clusters come from a memory bank of the embeddings
/// that training steps produce anyway.
///
/// Threads: one thread at a time.
/// Cost:    the bank takes 2 * dim bytes a row, and the order of the rows 8, in memory or in files;
///          while clusters are made they take another 20.
class NgameSampler {
 public:
  /// Rows are 0 .. num_rows; num_rows > 0.
  NgameSampler(std::uint32_t num_rows, std::uint32_t dim, const SamplerOptions& options);
  /// The same with what it has of each row in `scratch`, which must outlive it and may be null.
  ///
  /// Errors: kResourceExhausted (53100) when the disk is full.
  static Result<std::unique_ptr<NgameSampler>> Make(std::uint32_t num_rows, std::uint32_t dim,
                                                    const SamplerOptions& options,
                                                    ScratchSpace* scratch);

  /// Cluster size in an epoch; 1 means random batches. A power of two times cluster_size_min, or
  /// cluster_size_max.
  std::uint32_t ClusterSize(std::uint32_t epoch) const;
  std::uint32_t batches_per_epoch() const { return num_batches_; }

  /// Stores embeddings of rows in the memory bank.  Shape: embeddings [rows.size(), dim].
  void Remember(std::span<const std::uint32_t> rows, std::span<const float> embeddings);
  /// Says that rows will be remembered or recalled soon. A hint, for a bank in a file.
  ///
  /// Threads: beside Remember of other rows, as Recall.
  void WillNeed(std::span<const std::uint32_t> rows) const;
  /// Reads them back, rounded to binary16.  Shape: result [rows.size(), dim].
  std::vector<float> Recall(std::span<const std::uint32_t> rows) const;

  /// Prepares an epoch: clusters anew when that is due, and shuffles. Clusters are made on the
  /// device of `module` when it has a splitter (ClusterBalanced), else, and when `module` is null,
  /// on the pool (ClusterBySamples).
  ///
  /// Errors: the device's.
  Status BeginEpoch(std::uint32_t epoch, ThreadPool& pool, EncoderModule* module);
  /// All that later batches depend on.
  ///
  /// Errors: the writer's.
  Status Save(StateWriter& to) const;
  /// Goes on where Save was called, in a sampler made with the same arguments.
  ///
  /// Errors: kCorruption, kNotFound naming the part; the sampler is then of no use.
  Status Load(const StateReader& from);

  /// Rows of a batch of this epoch. Sizes differ by at most one.
  std::span<const std::uint32_t> Batch(std::uint32_t index) const;

 private:
  // The arrays of a sampler.
  struct Rows {
    ScratchSpace* scratch = nullptr;
    ScratchArray<std::uint16_t> bank;
    ScratchArray<std::uint32_t> tree;
    ScratchArray<std::uint32_t> order;
  };
  static Result<Rows> MakeRows(std::uint32_t num_rows, std::uint32_t dim, ScratchSpace* scratch);
  NgameSampler(std::uint32_t num_rows, std::uint32_t dim, const SamplerOptions& options, Rows rows);
  Status Recluster(std::uint32_t epoch, std::uint32_t cluster_size, ThreadPool& pool,
                   EncoderModule* module);
  bool AreRows(std::span<const std::uint32_t> rows) const;
  void ShuffleClusters(std::uint32_t cluster_size);

  const SamplerOptions options_;
  const std::uint32_t num_rows_;
  const std::uint32_t dim_;
  const std::uint32_t num_batches_;
  Random random_;
  ScratchSpace* const scratch_;
  ScratchArray<std::uint16_t> bank_;         // [num_rows, dim] binary16
  ScratchArray<std::uint32_t> tree_rows_;    // [num_rows] in the leaf order of the last clustering
  std::vector<std::uint32_t> tree_offsets_;  // [num_leaves + 1]; empty before the first clustering
  std::uint32_t tree_cluster_size_ = 0;      // 0 before the first clustering
  std::uint32_t tree_epoch_ = 0;
  ScratchArray<std::uint32_t> order_;  // [num_rows], of this epoch
};

}  // namespace dashi::trainer
