#pragma once

#include <cstdint>

#include <cuda_runtime.h>

namespace dashi::trainer {

/// Reductions over a warp or a block, always in the same order. Block functions want all threads of
/// a block of kLossThreads and give all of them the result.

inline constexpr unsigned kWarpLanes = 32;
inline constexpr unsigned kFullMask = 0xFFFFFFFFU;

struct Add {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};

struct Larger {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return a > b ? a : b;
  }
};

struct Smaller {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return a < b ? a : b;
  }
};

template <typename T, typename Operation>
__device__ T ReduceWarp(T value, Operation operation) {
#pragma unroll
  for (unsigned step = kWarpLanes / 2; step > 0; step /= 2) {
    value = operation(value, __shfl_xor_sync(kFullMask, value, static_cast<int>(step)));
  }
  return value;
}

/// `parts` has one place for each warp; it may be used again at once.
template <typename T, typename Operation>
__device__ T ReduceBlock(T value, Operation operation, T* parts) {
  value = ReduceWarp(value, operation);
  __syncthreads();
  if (threadIdx.x % kWarpLanes == 0) {
    parts[threadIdx.x / kWarpLanes] = value;
  }
  __syncthreads();
  T result = parts[0];
  for (unsigned warp = 1; warp < blockDim.x / kWarpLanes; ++warp) {
    result = operation(result, parts[warp]);
  }
  return result;
}

}  // namespace dashi::trainer
