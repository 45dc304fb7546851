#pragma once

#include <cstdint>
#include <string>

#include <c10/core/Device.h>

namespace dashi::trainer {

/// The name of a CUDA device, as its driver has it.
std::string DeviceName(c10::Device device);

/// Bytes of a CUDA device's memory that no program holds.
std::uint64_t FreeBytes(c10::Device device);

}  // namespace dashi::trainer
