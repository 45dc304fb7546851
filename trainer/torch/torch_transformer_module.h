#pragma once

#include <memory>

#include "dashi/status.h"
#include "trainer/transformer/transformer_module.h"

namespace dashi::trainer {

/// TransformerModule with LibTorch.
///
/// Errors: kInvalidArgument for a config that does not fit together, weights of other shapes, or an
///         unknown device or precision; kUnavailable for a device that is not there.
Result<std::unique_ptr<TransformerModule>> MakeTorchTransformerModule(
    const TransformerModuleOptions& options, const TransformerWeights& weights);

}  // namespace dashi::trainer
