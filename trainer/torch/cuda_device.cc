#include "trainer/torch/cuda_device.h"

#include <c10/cuda/CUDAException.h>
#include <cuda_runtime_api.h>

namespace dashi::trainer {

std::string DeviceName(c10::Device device) {
  cudaDeviceProp properties{};
  C10_CUDA_CHECK(cudaGetDeviceProperties(&properties, device.index()));
  return properties.name;
}

}  // namespace dashi::trainer
