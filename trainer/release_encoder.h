#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "dashi/status.h"
#include "trainer/bag_encoder.h"
#include "trainer/bag_module.h"
#include "trainer/transformer/transformer_directory.h"

namespace dashi::trainer {

/// What an encoder runs on.
struct EncoderRuntime {
  std::string torch_module_path;  ///< see LoadTensorBackend; only transformers need it
  int num_threads = 1;            ///< of a transformer; 0 = one per core
  std::string device = "cpu";     ///< of a transformer
};

/// The encoder of a release, of either kind, from the bytes of its weights.
///
/// Errors: kCorruption naming the tensor that is missing or of another shape; kUnavailable when a
///         transformer finds no LibTorch; those of the backend.
Result<std::unique_ptr<Encoder>> ParseEncoder(std::string bytes, const EncoderRuntime& runtime);

/// The same, of a transformer that is at hand. Its vectors have unit length, whatever the pooling
/// says: indexes take no others.
Result<std::unique_ptr<Encoder>> MakeEncoder(const PretrainedTransformer& model,
                                             TensorBackend& backend, int num_threads,
                                             const std::string& device);

/// About what ParseEncoder's encoder keeps in memory.
std::uint64_t EncoderMemoryBytes(std::string_view bytes);

/// About what a transformer's weights take on the disk, as float32.
std::uint64_t TransformerBytes(const TransformerConfig& config);

}  // namespace dashi::trainer
