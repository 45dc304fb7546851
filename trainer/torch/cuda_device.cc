#include "trainer/torch/cuda_device.h"

#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>

namespace dashi::trainer {

std::string DeviceName(c10::Device device) {
  cudaDeviceProp properties{};
  C10_CUDA_CHECK(cudaGetDeviceProperties(&properties, device.index()));
  return properties.name;
}

std::uint64_t FreeBytes(c10::Device device) {
  const c10::cuda::CUDAGuard guard(device);
  // What earlier trainings of this process have given back to LibTorch's allocator is free.
  c10::cuda::CUDACachingAllocator::emptyCache();
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free_bytes, &total_bytes));
  return free_bytes;
}

}  // namespace dashi::trainer
