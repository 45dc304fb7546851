// Runs the tests of gpu_test. Without a GPU that is a failure: whoever runs them wants to know.

#include <cstdio>

#include <cuda_runtime_api.h>
#include <gtest/gtest.h>

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  int num_devices = 0;
  const cudaError_t error = cudaGetDeviceCount(&num_devices);
  if (error != cudaSuccess || num_devices == 0) {
    std::fprintf(stderr, "gpu_test: no CUDA device: %s\n", cudaGetErrorString(error));
    return 1;
  }
  return RUN_ALL_TESTS();
}
