#include "trainer/release_encoder.h"

#include <utility>

#include "base/status.h"
#include "trainer/release_artifacts.h"
#include "trainer/safetensors.h"
#include "trainer/transformer/transformer_artifact.h"
#include "trainer/transformer/transformer_encoder.h"

namespace dashi::trainer {

Result<std::unique_ptr<Encoder>> MakeEncoder(const PretrainedTransformer& model,
                                             TensorBackend& backend, int num_threads,
                                             const std::string& device) {
  TransformerModuleOptions options;
  options.config = model.config;
  options.pooling = model.pooling;
  options.pooling.normalize = true;
  options.num_threads = num_threads;
  options.device = device;
  DASHI_ASSIGN_OR_RETURN(auto tokenizer, SubwordTokenizer::Make(model.tokenizer));
  DASHI_ASSIGN_OR_RETURN(auto module, backend.NewTransformerModule(options, model.weights));
  return MakeTransformerEncoder(std::move(tokenizer), std::move(module), model.config,
                                model.pooling);
}

Result<std::unique_ptr<Encoder>> ParseEncoder(std::string bytes, const EncoderRuntime& runtime) {
  if (!IsTransformerArtifact(bytes)) {
    return ParseBagEncoder(bytes);
  }
  DASHI_ASSIGN_OR_RETURN(const PretrainedTransformer model,
                         ParseTransformer(std::make_shared<const std::string>(std::move(bytes))));
  DASHI_ASSIGN_OR_RETURN(TensorBackend* const backend,
                         LoadTensorBackend(runtime.torch_module_path));
  return MakeEncoder(model, *backend, runtime.num_threads, runtime.device);
}

std::uint64_t EncoderMemoryBytes(std::string_view bytes) {
  const auto file = Safetensors::Parse(bytes);
  if (!file.ok() || !IsTransformerArtifact(bytes)) {
    return bytes.size();
  }
  std::uint64_t sum = 0;
  for (const auto& [name, tensor] : file->tensors) {
    const bool half = tensor.dtype == "F16" || tensor.dtype == "BF16";
    sum += tensor.bytes.size() * (half ? 2 : 1);
  }
  return sum;
}

std::uint64_t TransformerBytes(const TransformerConfig& config) {
  std::uint64_t sum = 0;
  for (const TransformerParameter& parameter : TransformerParameters(config)) {
    std::uint64_t size = sizeof(float);
    for (const std::uint64_t extent : parameter.shape) {
      size *= extent;
    }
    sum += size;
  }
  return sum;
}

}  // namespace dashi::trainer
