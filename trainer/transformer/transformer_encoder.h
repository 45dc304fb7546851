#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "dashi/status.h"
#include "trainer/bag_encoder.h"
#include "trainer/text/subword_tokenizer.h"
#include "trainer/training_task.h"
#include "trainer/transformer/transformer_module.h"

namespace dashi::trainer {

/// Appends a text's tokens as a row of what TransformerModule reads.
void AppendTokenRow(const SubwordTokenizer& tokenizer, std::string_view text,
                    std::size_t num_tokens_max, SparseRows* rows);

/// The texts as token rows, in order, by the pool's threads.
SparseRows TokenRows(const SubwordTokenizer& tokenizer, std::span<const std::string_view> texts,
                     std::size_t num_tokens_max, ThreadPool& pool);

/// An encoder of texts over a module's present parameters.
///
/// Threads: as Encoder; the module must not be trained meanwhile.
Result<std::unique_ptr<Encoder>> MakeTransformerEncoder(std::unique_ptr<SubwordTokenizer> tokenizer,
                                                        std::unique_ptr<TransformerModule> module,
                                                        const TransformerConfig& config,
                                                        const PoolingConfig& pooling);

}  // namespace dashi::trainer
