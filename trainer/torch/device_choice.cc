#include "trainer/torch/device_choice.h"

#include <ATen/Context.h>
#include <fmt/format.h>

namespace dashi::trainer {

Result<at::Device> ChooseDevice(const std::string& name) {
  if (name != "auto" && name != "cpu" && name != "cuda") {
    return Status::InvalidArgument(
        fmt::format("unknown device: got '{}', want auto, cpu or cuda", name));
  }
  if (name != "cpu" && at::hasCUDA() && at::detail::getCUDAHooks().deviceCount() > 0) {
    return at::Device(at::kCUDA, 0);
  }
  if (name == "cuda") {
    return Status::Unavailable("no CUDA device that this LibTorch can use")
        .WithHint("train with device = 'auto' or device = 'cpu'");
  }
  return at::Device(at::kCPU);
}

Result<bool> ChooseBfloat16(const std::string& name, at::Device device) {
  if (name == "auto") {
#if defined(__x86_64__)
    return !device.is_cpu() || __builtin_cpu_supports("avx512bf16") != 0;
#else
    return !device.is_cpu();
#endif
  }
  if (name != "float32" && name != "bfloat16") {
    return Status::InvalidArgument(
        fmt::format("unknown precision: got '{}', want auto, float32 or bfloat16", name));
  }
  return name == "bfloat16";
}

}  // namespace dashi::trainer
