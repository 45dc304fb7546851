#pragma once

#include <cstdint>

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include "base/random.h"

namespace dashi::trainer {

/// Draws dropout masks from a seed: the same masks for the same calls, whatever other threads draw.
///
/// Threads: one thread at a time.
class DropoutSource {
 public:
  DropoutSource(std::uint64_t seed, at::Device device);

  /// 0 with probability `rate` (in steps of 2^-16), else 1 / (1 - rate).  Shape: as `like`.
  ///
  /// Cost: on the processor a random number for four elements.
  at::Tensor Mask(const at::Tensor& like, float rate);

 private:
  Random random_;
  at::Generator generator_;  // of other devices than the processor
};

}  // namespace dashi::trainer
