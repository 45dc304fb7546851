#pragma once

#include <cstdint>

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include "base/random.h"

namespace dashi::trainer {

/// Draws dropout from a seed: the same for the same calls, whatever other threads draw.
///
/// Threads: one thread at a time.
class DropoutSource {
 public:
  DropoutSource(std::uint64_t seed, at::Device device);

  /// 0 with probability `rate` (in steps of 2^-16), else 1 / (1 - rate).  Shape: as `like`.
  ///
  /// Cost: on the processor a random number for four elements.
  at::Tensor Mask(const at::Tensor& like, float rate);
  /// `input` times a mask.  Shape: as `input`.
  ///
  /// Cost: on a device one kernel, which leaves a byte an element for the gradient.
  at::Tensor Drop(const at::Tensor& input, float rate);
  /// softmax(query * key / sqrt(dim)) * value, with dropout on the softmax. `mask` is true where a
  /// key counts; it may be undefined.
  /// Shape: [num_texts, num_heads, length, dim]; mask [num_texts, 1, 1, length].
  at::Tensor Attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                    const at::Tensor& mask, float rate);

 private:
  Random random_;
  at::Generator generator_;  // of other devices than the processor
};

}  // namespace dashi::trainer
