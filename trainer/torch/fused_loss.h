#pragma once

#include <ATen/core/Tensor.h>

#include "trainer/torch/contrastive_loss.h"

namespace dashi::trainer {

/// Whether FusedContrastiveLoss has kernels for these options and scores.
bool HasFusedLoss(const LossOptions& options, const at::Tensor& scores);

/// ContrastiveLoss on a CUDA device in one pass over the scores, which it leaves as they are. The
/// same input gives the same bits.
///
/// Shape: as ContrastiveLoss.
LossGradient FusedContrastiveLoss(const LossOptions& options, const at::Tensor& scores,
                                  const SparseRows& positives, const SparseRows& masked);

}  // namespace dashi::trainer
