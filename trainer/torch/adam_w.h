#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "base/thread_pool.h"

namespace dashi::trainer {

/// AdamW (Loshchilov & Hutter 2019) over dense parameters, epsilon 1e-6 as in NGAME's published
/// settings.
///
/// Threads: one thread at a time; uses the pool inside.
class AdamW {
 public:
  /// Weight decay acts on parameters of two dimensions only.
  explicit AdamW(float weight_decay) : weight_decay_(weight_decay) {}

  /// Shape: gradients as the parameters.
  void Step(const std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& gradients,
            float rate, ThreadPool& pool);
  /// Forgets the moments and the step count.
  void Reset();

 private:
  float weight_decay_;
  std::vector<at::Tensor> first_moments_;
  std::vector<at::Tensor> second_moments_;
  std::int64_t num_steps_ = 0;
};

}  // namespace dashi::trainer
