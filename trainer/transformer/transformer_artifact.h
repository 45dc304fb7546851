#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "dashi/status.h"
#include "trainer/encoder_module.h"
#include "trainer/transformer/transformer_directory.h"

namespace dashi::trainer {

/// A transformer as a release keeps it, in one safetensors file (docs/FORMATS.md): its weights in
/// the dtype that they have, the tokenizer, shape and pooling.
std::string SerializeTransformer(const PretrainedTransformer& model);

/// Whether the bytes begin as SerializeTransformer's do; false for damaged ones.
bool IsTransformerArtifact(std::string_view bytes);

/// Errors: kCorruption naming what is missing, damaged or of another shape.
Result<PretrainedTransformer> ParseTransformer(std::shared_ptr<const std::string> bytes);

/// The parameters of a TransformerModule, which come in the order of TransformerParameters, as
/// weights of dtype F32.
///
/// Errors: kInvalidArgument when they are not those of a module of this shape.
Result<TransformerWeights> PackTransformerWeights(const TransformerConfig& config,
                                                  std::span<const NamedTensor> parameters);

}  // namespace dashi::trainer
