#include "trainer/ngame_encoder.h"

#include <utility>

#include <fmt/format.h>

#include "base/status.h"
#include "trainer/transformer/transformer_module.h"

namespace dashi::trainer {
namespace {

Result<std::unique_ptr<EncoderModule>> NewTransformer(std::uint32_t vocabulary_size,
                                                      const NgameOptions& options,
                                                      std::uint64_t seed, TensorBackend& backend) {
  const TransformerStart& start = *options.transformer;
  if (start.config.dim != options.dim || start.config.vocabulary_size < vocabulary_size) {
    return Status::InvalidArgument(
        fmt::format("transformer shape mismatch: got dim {} and {} tokens, want {} and at least {}",
                    start.config.dim, start.config.vocabulary_size, options.dim, vocabulary_size));
  }
  TransformerModuleOptions module;
  module.config = start.config;
  module.pooling = start.pooling;
  module.pooling.normalize = true;  // Losses and indexes take unit vectors.
  module.seed = seed;
  module.num_threads = options.num_threads;
  module.device = options.device;
  module.precision = options.precision;
  module.weight_decay = start.weight_decay;
  DASHI_ASSIGN_OR_RETURN(auto made, backend.NewTransformerModule(module, start.weights));
  return std::unique_ptr<EncoderModule>(std::move(made));
}

}  // namespace

Result<std::unique_ptr<EncoderModule>> NewNgameEncoder(std::uint32_t vocabulary_size,
                                                       const NgameOptions& options,
                                                       std::uint64_t seed, TensorBackend& backend) {
  if (options.transformer != nullptr) {
    return NewTransformer(vocabulary_size, options, seed, backend);
  }
  BagModuleOptions module;
  module.vocabulary_size = vocabulary_size;
  module.dim = options.dim;
  module.hidden = options.hidden;
  module.seed = seed;
  module.num_threads = options.num_threads;
  module.device = options.device;
  module.precision = options.precision;
  DASHI_ASSIGN_OR_RETURN(auto made, backend.NewBagModule(module));
  return std::unique_ptr<EncoderModule>(std::move(made));
}

}  // namespace dashi::trainer
