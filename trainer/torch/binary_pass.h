#pragma once

#include <ATen/core/Tensor.h>

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "trainer/loss_options.h"
#include "trainer/torch/contrastive_loss.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// A step of one-against-all classification: the loss kBinary of unit rows over all labels, its
/// derivative by the rows, and one step of SGD on the labels. Labels come in chunks, each stepped
/// as soon as its derivative, that of the sum over rows, is known: beside the label vectors, memory
/// does not grow with their number, and there are no moments. The derivative by the rows sees
/// labels before their step.
///
/// Shape:  rows [num_rows, dim] unit vectors; labels [num_labels, dim], stepped in place, of any
///         length, compared as unit vectors; positives and masked [num_rows, num_labels]; of the
///         result `columns` is undefined, and `summary` is on the device of the rows.
/// Errors: kResourceExhausted when memory runs out.
/// Cost:   3 products of num_rows * num_labels * dim multiply-adds; reads and writes all labels.
///         Scores of 8 chunks of 2,048 labels are in memory at once, on a device of one of 16,384.
/// Threads: one thread at a time; uses the pool, and the result does not depend on its size.
/// Paper:  Renee (Jain et al., MLSys 2023) for SGD without the loss's own derivative, ELMO (ICML
///         2025) for chunks and immediate steps. Deviations: unit vectors with a temperature and a
///         fixed bias, float32 label vectors, no momentum.
Result<VectorGradient> BinaryPass(const LossOptions& loss, const at::Tensor& rows,
                                  const at::Tensor& labels, const SparseRows& positives,
                                  const SparseRows& masked, float rate, const PassOptions& options,
                                  ThreadPool& pool);

}  // namespace dashi::trainer
