#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <ATen/core/Tensor.h>

#include "base/thread_pool.h"
#include "trainer/torch/batch_tokens.h"
#include "trainer/torch/row_kernels.h"
#include "trainer/training_state.h"

namespace dashi::trainer {

/// A large matrix of parameters of which a step touches few rows: token embeddings, label vectors.
/// Its optimiser is lazy Adam: moments move only on touched rows, bias corrections follow the
/// number of steps of the whole table.
///
/// Threads: one thread at a time; the processor's version uses the pool inside, and its results do
///          not depend on the pool's size.
class RowTable {
 public:
  /// The table over `values` [rows, dim] float32 with kernels of ours, or, when `portable` or when
  /// the device of `values` has none, with LibTorch's operators.
  static std::unique_ptr<RowTable> Make(at::Tensor values, bool portable, ThreadPool& pool);
  virtual ~RowTable() = default;

  const at::Tensor& values() const { return values_; }
  /// Replaces the parameters and forgets the moments.
  void Reset(at::Tensor values);
  /// Forgets the moments and the step count.
  void ResetOptimizer();

  /// Parameters, moments and the step count, as parts of a name that starts with `prefix`.
  Status Save(StateWriter& to, const std::string& prefix) const;
  /// Shape: as Save wrote it, which is [rows, dim] of Make or the last Reset.
  Status Load(const StateReader& from, const std::string& prefix);

  /// Rows by number.  Shape: result [rows.size(), dim].
  at::Tensor Gather(std::span<const std::uint32_t> rows) const;
  /// Weighted sums of token rows.  Shape: result [texts.num_rows(), dim].
  virtual at::Tensor SumBags(const SparseRows& texts) const = 0;
  /// The transposed product, one row for each distinct token of the batch.
  /// Shape: gradient [num_texts, dim], result [batch.tokens.size(), dim].
  virtual at::Tensor BagGradient(const BatchTokens& batch, const at::Tensor& gradient) const = 0;
  /// One optimiser step with the gradient of SumBags' result.  Shape: gradient [num_texts, dim].
  virtual void StepBags(const BatchTokens& batch, const at::Tensor& gradient, float rate) = 0;
  /// One optimiser step on distinct rows.  Shape: gradient [rows.size(), dim].
  virtual void StepRows(std::span<const std::uint32_t> rows, const at::Tensor& gradient,
                        float rate) = 0;

 protected:
  explicit RowTable(at::Tensor values);
  /// Counts a step and allocates the moments at the first one.
  AdamRates BeginStep(float rate);

  at::Tensor values_;         // [rows, dim]
  at::Tensor first_moment_;   // [rows, dim]
  at::Tensor second_moment_;  // [rows, dim]
  std::int64_t num_steps_ = 0;
};

/// Copies row numbers into an int64 tensor on `device`.
at::Tensor IndexTensor(std::span<const std::uint32_t> rows, at::Device device);

}  // namespace dashi::trainer
