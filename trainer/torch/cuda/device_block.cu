#include <cuda_runtime.h>

#include "trainer/torch/cuda/block_reduction.cuh"
#include "trainer/torch/cuda/device_block.h"

namespace dashi::trainer {
namespace {

constexpr unsigned kThreads = 256;
constexpr unsigned kWarps = kThreads / kWarpLanes;
// Squared lengths up to this count as zero.
constexpr float kSquaresMin = 1e-30F;

// One warp a row.
__global__ void __launch_bounds__(kThreads)
    NormalizeKernel(const float* rows, const float* input, DeviceUnitRows result) {
  const std::size_t row = std::size_t{blockIdx.x} * kWarps + threadIdx.x / kWarpLanes;
  if (row >= result.num_rows) {
    return;
  }
  const unsigned lane = threadIdx.x % kWarpLanes;
  const std::size_t at = row * result.dim;
  float squares = 0;
  float known = 0;
  for (std::size_t c = lane; c < result.dim; c += kWarpLanes) {
    squares = fmaf(rows[at + c], rows[at + c], squares);
    known = input == nullptr || input[at + c] != 0 ? 1.0F : known;
  }
  squares = ReduceWarp(squares, Add());
  known = ReduceWarp(known, Larger());
  // Not a number stays so.
  const float inverse = squares <= kSquaresMin || known == 0 ? 0.0F : 1.0F / sqrtf(squares);
  for (std::size_t c = lane; c < result.dim; c += kWarpLanes) {
    result.unit[at + c] = rows[at + c] * inverse;
  }
  if (lane == 0) {
    result.inverse[row] = inverse;
  }
}

__global__ void __launch_bounds__(kThreads)
    NormalizeGradientKernel(DeviceUnitRows unit, const float* gradient, float* out) {
  const std::size_t row = std::size_t{blockIdx.x} * kWarps + threadIdx.x / kWarpLanes;
  if (row >= unit.num_rows) {
    return;
  }
  const unsigned lane = threadIdx.x % kWarpLanes;
  const std::size_t at = row * unit.dim;
  float along = 0;
  for (std::size_t c = lane; c < unit.dim; c += kWarpLanes) {
    along = fmaf(gradient[at + c], unit.unit[at + c], along);
  }
  along = ReduceWarp(along, Add());
  const float inverse = unit.inverse[row];
  for (std::size_t c = lane; c < unit.dim; c += kWarpLanes) {
    out[at + c] = (gradient[at + c] - unit.unit[at + c] * along) * inverse;
  }
}

__global__ void __launch_bounds__(kThreads)
    StepDenseKernel(AdamRates rates, float keep, const float* gradient,
                    DeviceDenseParameter parameter) {
  const std::size_t i = std::size_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= parameter.size) {
    return;
  }
  const float g = gradient[i];
  const float first = fmaf(rates.beta1, parameter.first_moment[i], (1.0F - rates.beta1) * g);
  const float second =
      fmaf(rates.beta2, parameter.second_moment[i], (1.0F - rates.beta2) * (g * g));
  parameter.first_moment[i] = first;
  parameter.second_moment[i] = second;
  parameter.values[i] =
      parameter.values[i] * keep -
      rates.rate * rates.correction1 * first / (sqrtf(second * rates.correction2) + rates.epsilon);
}

unsigned Blocks(std::size_t num_items, std::size_t of_block) {
  return static_cast<unsigned>((num_items + of_block - 1) / of_block);
}

}  // namespace

cudaError_t DeviceNormalize(const float* rows, const float* input, const DeviceUnitRows& result,
                            cudaStream_t stream) {
  if (result.num_rows == 0) {
    return cudaSuccess;
  }
  NormalizeKernel<<<Blocks(result.num_rows, kWarps), kThreads, 0, stream>>>(rows, input, result);
  return cudaGetLastError();
}

cudaError_t DeviceNormalizeGradient(const DeviceUnitRows& unit, const float* gradient, float* out,
                                    cudaStream_t stream) {
  if (unit.num_rows == 0) {
    return cudaSuccess;
  }
  NormalizeGradientKernel<<<Blocks(unit.num_rows, kWarps), kThreads, 0, stream>>>(unit, gradient,
                                                                                  out);
  return cudaGetLastError();
}

cudaError_t DeviceStepDense(const AdamRates& rates, float keep, const float* gradient,
                            const DeviceDenseParameter& parameter, cudaStream_t stream) {
  if (parameter.size == 0) {
    return cudaSuccess;
  }
  StepDenseKernel<<<Blocks(parameter.size, kThreads), kThreads, 0, stream>>>(rates, keep, gradient,
                                                                             parameter);
  return cudaGetLastError();
}

}  // namespace dashi::trainer
