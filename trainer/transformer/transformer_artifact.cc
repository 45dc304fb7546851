#include "trainer/transformer/transformer_artifact.h"

#include <cstring>
#include <utility>
#include <vector>

#include "base/status.h"
#include "trainer/safetensors.h"
#include "trainer/transformer/pooling_files.h"
#include "trainer/weights_format.h"

namespace dashi::trainer {
namespace {

constexpr std::string_view kFormat = "transformer-encoder-1";
constexpr std::string_view kTokenizer = "dashi.tokenizer";

/// Text of the metadata, which must be there.
Result<std::string> Text(const Safetensors& file, const std::string& key) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end()) {
    return Status::Corruption("the transformer's weights have no metadata " + key);
  }
  return found->second;
}

Result<PoolingConfig> ParsePooling(const Safetensors& file) {
  DASHI_ASSIGN_OR_RETURN(const std::string pooling_text, Text(file, "pooling"));
  DASHI_ASSIGN_OR_RETURN(PoolingConfig pooling, ParsePoolingConfig(pooling_text));
  DASHI_ASSIGN_OR_RETURN(const std::string limits, Text(file, "limits"));
  DASHI_ASSIGN_OR_RETURN(pooling.num_tokens_max, ParseSentenceLimits(limits));
  DASHI_ASSIGN_OR_RETURN(const std::string normalize, Text(file, "normalize"));
  pooling.normalize = normalize == "true";
  return pooling;
}

}  // namespace

std::string SerializeTransformer(const PretrainedTransformer& model) {
  SafetensorsWriter writer;
  writer.AddMetadata(std::string(kFormatKey), std::string(kFormat));
  writer.AddMetadata("config", FormatTransformerConfig(model.config));
  writer.AddMetadata("pooling", FormatPoolingConfig(model.pooling, model.config.dim));
  writer.AddMetadata("limits", FormatSentenceLimits(model.pooling.num_tokens_max));
  writer.AddMetadata("normalize", model.pooling.normalize ? "true" : "false");
  const std::string tokenizer = FormatTokenizerJson(model.tokenizer);
  writer.Add(std::string(kTokenizer), "U8", {tokenizer.size()}, tokenizer);
  const std::vector<TransformerParameter> parameters = TransformerParameters(model.config);
  DASHI_CHECK(parameters.size() == model.weights.tensors.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const TensorView& tensor = model.weights.tensors[i];
    writer.Add(parameters[i].name, tensor.dtype, tensor.shape, tensor.bytes);
  }
  return writer.Finish();
}

bool IsTransformerArtifact(std::string_view bytes) { return ParseFormat(bytes, kFormat).ok(); }

Result<PretrainedTransformer> ParseTransformer(std::shared_ptr<const std::string> bytes) {
  DASHI_ASSIGN_OR_RETURN(const Safetensors file, ParseFormat(*bytes, kFormat));
  PretrainedTransformer model;
  DASHI_ASSIGN_OR_RETURN(const std::string config, Text(file, "config"));
  DASHI_ASSIGN_OR_RETURN(model.config, ParseTransformerConfig(config));
  DASHI_ASSIGN_OR_RETURN(model.pooling, ParsePooling(file));
  const auto tokenizer = file.tensors.find(std::string(kTokenizer));
  if (tokenizer == file.tensors.end() || tokenizer->second.dtype != "U8") {
    return Status::Corruption("the transformer's weights have no tokenizer");
  }
  DASHI_ASSIGN_OR_RETURN(model.tokenizer, ParseTokenizerJson(tokenizer->second.bytes));
  DASHI_ASSIGN_OR_RETURN(model.weights, ParseTransformerWeights(model.config, std::move(bytes)));
  return model;
}

Result<TransformerWeights> PackTransformerWeights(const TransformerConfig& config,
                                                  std::span<const NamedTensor> parameters) {
  const std::vector<TransformerParameter> wanted = TransformerParameters(config);
  auto bytes = std::make_shared<std::string>();
  std::vector<std::size_t> ends;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    std::uint64_t size = 1;
    for (const std::uint64_t extent : wanted[i].shape) {
      size *= extent;
    }
    if (parameters.size() != wanted.size() || parameters[i].name != wanted[i].name ||
        parameters[i].values.size() != size) {
      return Status::InvalidArgument("transformer parameters shape mismatch at " + wanted[i].name);
    }
    bytes->append(reinterpret_cast<const char*>(parameters[i].values.data()),
                  parameters[i].values.size() * sizeof(float));
    ends.push_back(bytes->size());
  }
  TransformerWeights weights;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    weights.tensors.push_back(
        {"F32", wanted[i].shape, std::string_view(*bytes).substr(begin, ends[i] - begin)});
    begin = ends[i];
  }
  weights.bytes = std::move(bytes);
  return weights;
}

}  // namespace dashi::trainer
