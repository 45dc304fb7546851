#pragma once

#include <cstdint>

#include "dashi/status.h"
#include "trainer/encoder_module.h"
#include "trainer/transformer/transformer_config.h"

namespace dashi::trainer {

/// Errors of all: kInvalidArgument naming what is out of range or does not fit together.

/// Every text has 1 to `config.num_tokens_max()` tokens of the vocabulary, and no weights.
Status CheckTokenRows(const SparseRows& texts, const TransformerConfig& config);
Status CheckTransformerBatch(const EncoderBatch& batch, const TransformerConfig& config);
Status CheckTransformerBatch(const ClassifierBatch& batch, const TransformerConfig& config,
                             std::size_t num_labels, bool trains_encoder);

}  // namespace dashi::trainer
