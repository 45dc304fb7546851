#pragma once

#include <ATen/core/Tensor.h>

#include "trainer/bag_module.h"

namespace dashi::trainer {

/// A loss and its derivative by the scores.
struct LossGradient {
  float loss = 0;
  float top1 = 0;
  at::Tensor gradient;  ///< [num_rows, num_columns]
};

/// Computes a contrastive loss over cosines. Rows without positives count for nothing. `scores` is
/// work space afterwards.
///
/// Shape:  scores [num_rows, num_columns] float32; positives and masked have num_rows rows.
/// Cost:   a few passes over the scores.
/// Paper:  kTriplet is TripletMarginLossOHNM of NGAME (WSDM 2023), kTripletHardest its second
///         stage's TripletMarginLossOHNMMulti. Deviation: the number of negatives is at most the
///         number of columns.
LossGradient ContrastiveLoss(const LossOptions& options, at::Tensor scores,
                             const SparseRows& positives, const SparseRows& masked);

}  // namespace dashi::trainer
