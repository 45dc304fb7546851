#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include "base/thread_pool.h"
#include "dashi/status.h"
#include "trainer/training_state.h"

namespace dashi::trainer {

/// AdamW (Loshchilov & Hutter 2019) over dense parameters, epsilon 1e-6 as in NGAME's published
/// settings.
///
/// Threads: one thread at a time; uses the pool inside, where parameters are the processor's.
class AdamW {
 public:
  /// Weight decay acts on parameters of two dimensions only.
  explicit AdamW(float weight_decay) : weight_decay_(weight_decay) {}

  /// Shape: gradients as the parameters.
  void Step(const std::vector<at::Tensor>& parameters, const std::vector<at::Tensor>& gradients,
            float rate, ThreadPool& pool);
  /// Forgets the moments and the step count.
  void Reset();
  /// Moments and the step count, as parts of a name that starts with `prefix`.
  Status Save(StateWriter& to, const std::string& prefix) const;
  /// Shape: parameters as of the steps before Save.
  Status Load(const StateReader& from, const std::string& prefix,
              const std::vector<at::Tensor>& parameters);

 private:
  /// All parameters in one kernel, on a device.
  void StepOnDevice(const std::vector<at::Tensor>& parameters,
                    const std::vector<at::Tensor>& gradients, float rate);

  float weight_decay_;
  std::vector<at::Tensor> first_moments_;
  std::vector<at::Tensor> second_moments_;
  std::int64_t num_steps_ = 0;
};

}  // namespace dashi::trainer
