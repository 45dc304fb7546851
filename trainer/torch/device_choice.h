#pragma once

#include <string>

#include <c10/core/Device.h>

#include "dashi/status.h"

namespace dashi::trainer {

/// "auto" (an accelerator if there is one), "cpu" or "cuda".
///
/// Errors: kInvalidArgument for another name, kUnavailable when there is no such device.
Result<at::Device> ChooseDevice(const std::string& name);

/// Whether products are in bfloat16: "float32", "bfloat16", or "auto", which asks for it where the
/// device multiplies it natively.
///
/// Errors: kInvalidArgument for another name.
Result<bool> ChooseBfloat16(const std::string& name, at::Device device);

}  // namespace dashi::trainer
