#pragma once

#include <string>

#include "dashi/status.h"
#include "trainer/text/tokenizer_spec.h"
#include "trainer/transformer/transformer_config.h"
#include "trainer/transformer/transformer_weights.h"

namespace dashi::trainer {

/// Everything that makes a text encoder: what one folder of Hugging Face's libraries holds.
struct PretrainedTransformer {
  TransformerConfig config;
  PoolingConfig pooling;
  TokenizerSpec tokenizer;
  TransformerWeights weights;
};

/// Reads a folder of `transformers` or `sentence-transformers`: config.json; tokenizer.json, or
/// vocab.txt with tokenizer_config.json, or vocab.json with merges.txt; model.safetensors; if
/// there, modules.json with the pooling's config.json, and sentence_bert_config.json. Without
/// modules.json the vector is the mean of the tokens', of unit length.
///
/// Errors: kNotFound naming the missing file; what the readers of the files say, with the file's
///         path in front; kUnimplemented for modules other than Transformer, Pooling (mean or first
///         token) and Normalize; kInvalidArgument when the tokenizer has more tokens than the
///         transformer has vectors.
Result<PretrainedTransformer> ReadTransformerDirectory(const std::string& path);

/// Writes a folder that both libraries and ReadTransformerDirectory read. The folder is made if it
/// is not there; files of the same names are replaced.
///
/// Errors: kIoError, kResourceExhausted.
Status WriteTransformerDirectory(const PretrainedTransformer& model, const std::string& path);

}  // namespace dashi::trainer
