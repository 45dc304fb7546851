#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dashi/status.h"
#include "trainer/text/tokenizer_spec.h"
#include "trainer/transformer/transformer_config.h"

namespace dashi::trainer {

/// The files that `sentence-transformers` adds to those of `transformers`. Errors of the readers:
/// kCorruption for JSON that is damaged or not of the form, kUnimplemented for what is not
/// supported, naming it.

/// modules.json: the folders of the parts, and whether the last one normalises.
struct SentenceModules {
  std::string transformer_folder;  ///< empty: the folder of modules.json
  std::string pooling_folder;
  bool normalize = false;
};
Result<SentenceModules> ParseSentenceModules(std::string_view bytes);
std::string FormatSentenceModules(const PoolingConfig& pooling);

/// The pooling's config.json; `normalize` stays as it is by default.
Result<PoolingConfig> ParsePoolingConfig(std::string_view bytes);
std::string FormatPoolingConfig(const PoolingConfig& pooling, std::uint32_t dim);

/// sentence_bert_config.json: the number of tokens that a text may have, 0 for no limit.
Result<std::uint32_t> ParseSentenceLimits(std::string_view bytes);
std::string FormatSentenceLimits(std::uint32_t num_tokens_max);

/// tokenizer_config.json of `transformers`.
std::string FormatTokenizerConfig(const TokenizerSpec& spec, std::uint32_t num_tokens_max);

}  // namespace dashi::trainer
