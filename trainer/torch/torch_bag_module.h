#pragma once

#include <memory>

#include "trainer/bag_module.h"

namespace dashi::trainer {

/// Makes a BagModule on LibTorch with fresh parameters: embeddings ~ N(0, 1/dim), the residual
/// block's output zero.
///
/// Errors: kInvalidArgument for an unknown device or precision or an empty shape; kUnavailable when
///         the device is not there; kResourceExhausted when memory runs out.
Result<std::unique_ptr<BagModule>> MakeTorchBagModule(const BagModuleOptions& options);

}  // namespace dashi::trainer
