#pragma once

#include <string>

#include <c10/core/Device.h>

namespace dashi::trainer {

/// The name of a CUDA device, as its driver has it.
std::string DeviceName(c10::Device device);

}  // namespace dashi::trainer
