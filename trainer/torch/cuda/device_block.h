#pragma once

#include <cstddef>

#include <cuda_runtime_api.h>

#include "trainer/torch/row_kernels.h"

namespace dashi::trainer {

/// CUDA kernels of the residual block: the twins of Normalize, NormalizeGradient and AdamW in
/// residual_block.cc, one launch each. All pointers are the device's. The same input gives the same
/// bits.
///
/// Threads: they enqueue work on `stream` and return.
/// Errors:  what cudaGetLastError says after the launch.

/// Unit rows and the factors that made them.
struct DeviceUnitRows {
  std::size_t num_rows = 0;
  std::size_t dim = 0;
  float* unit = nullptr;     ///< [num_rows, dim]
  float* inverse = nullptr;  ///< [num_rows]
};

/// Scales rows to unit length; zero rows stay zero. When `input` is not null, rows whose input is
/// all zero become zero.  Shape: rows, input [num_rows, dim].
cudaError_t DeviceNormalize(const float* rows, const float* input, const DeviceUnitRows& result,
                            cudaStream_t stream);

/// out = (gradient - unit <gradient, unit>) * inverse.  Shape: gradient, out [num_rows, dim].
cudaError_t DeviceNormalizeGradient(const DeviceUnitRows& unit, const float* gradient, float* out,
                                    cudaStream_t stream);

/// AdamW on all `size` numbers of a parameter: value *= keep, then a step of Adam.
struct DeviceDenseParameter {
  float* values = nullptr;
  float* first_moment = nullptr;
  float* second_moment = nullptr;
  std::size_t size = 0;
};
cudaError_t DeviceStepDense(const AdamRates& rates, float keep, const float* gradient,
                            const DeviceDenseParameter& parameter, cudaStream_t stream);

}  // namespace dashi::trainer
