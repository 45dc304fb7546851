#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "trainer/safetensors.h"
#include "trainer/transformer/transformer_config.h"

namespace dashi::trainer {

/// A transformer's parameters in the order of TransformerParameters, as views of `bytes`. No tensor
/// at all stands for a random start.
struct TransformerWeights {
  std::vector<TensorView> tensors;           ///< of dtype F32, F16 or BF16
  std::shared_ptr<const std::string> bytes;  ///< shared by copies of these weights
};

/// Finds the parameters in a safetensors file: under the names of `transformers`, with or without
/// the family's name in front, and with the older names gamma and beta for LayerNorm.
///
/// Errors: kCorruption for a damaged file and for a tensor that is missing, of another shape or
///         dtype or with numbers that are not finite; each names the tensor.
/// Cost:   one pass over the bytes; nothing is copied.
Result<TransformerWeights> ParseTransformerWeights(const TransformerConfig& config,
                                                   std::shared_ptr<const std::string> bytes);
/// Writes what ParseTransformerWeights and `transformers` read.
std::string FormatTransformerWeights(const TransformerConfig& config,
                                     const TransformerWeights& weights);

}  // namespace dashi::trainer
