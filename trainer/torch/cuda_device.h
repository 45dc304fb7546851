#pragma once

#include <cstdint>
#include <string>

#include <c10/core/Device.h>

namespace dashi::trainer {

/// The name of a CUDA device, as its driver has it.
std::string DeviceName(c10::Device device);

/// The bytes of its memory that nobody has allocated.
std::uint64_t FreeBytes(c10::Device device);

}  // namespace dashi::trainer
