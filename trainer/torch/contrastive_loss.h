#pragma once

#include <span>

#include <ATen/core/Tensor.h>

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "trainer/encoder_module.h"

namespace dashi::trainer {

/// A loss and its derivative by the scores.
struct LossGradient {
  at::Tensor summary;   ///< [2] float32: the loss and top1, on the device of the scores
  at::Tensor gradient;  ///< [num_rows, num_columns]
};

/// Rows with at least one entry.
std::uint64_t NumPositiveRows(const SparseRows& positives);

/// Computes a contrastive loss over cosines with LibTorch's operators, on any device. Rows without
/// positives count for nothing. `scores` is work space afterwards.
///
/// Shape:  scores [num_rows, num_columns] float32; positives and masked have num_rows rows.
/// Cost:   a few passes over the scores.
/// Paper:  kTriplet is TripletMarginLossOHNM of NGAME (WSDM 2023), kTripletHardest its second
///         stage's TripletMarginLossOHNMMulti. Deviation: the number of negatives is at most the
///         number of columns.
LossGradient ContrastiveLoss(const LossOptions& options, at::Tensor scores,
                             const SparseRows& positives, const SparseRows& masked);

/// A loss and its derivative by the vectors whose cosines it is over.
struct VectorGradient {
  at::Tensor summary;  ///< [2] float32: the loss and top1, on the device of the rows
  at::Tensor rows;     ///< [num_rows, dim]
  at::Tensor columns;  ///< [num_columns, dim]
};

struct PassOptions {
  bool bfloat16 = false;  ///< arithmetic of the matrix products
  bool portable = false;  ///< LibTorch's operators where a device has kernels of ours
  /// [num_rows], of each row's part of the gradients, though not of the summary; empty: each 1.
  std::span<const float> row_weights;
};

/// Row weights as a column on a device.  Shape: result [weights.size(), 1].
at::Tensor WeightColumn(std::span<const float> weights, const at::Device& device);

/// The loss over rows columns^T. On the processor in blocks of 256 rows that run on the pool, each
/// with one thread of LibTorch: blocks stay in cache, and the result does not depend on the pool's
/// size. On other devices all rows at once, without waiting for the result.
///
/// Shape:  rows [num_rows, dim], columns [num_columns, dim] unit vectors.
/// Errors: kResourceExhausted when memory runs out.
Result<VectorGradient> ContrastivePass(const LossOptions& loss, const at::Tensor& rows,
                                       const at::Tensor& columns, const SparseRows& positives,
                                       const SparseRows& masked, const PassOptions& options,
                                       ThreadPool& pool);

}  // namespace dashi::trainer
