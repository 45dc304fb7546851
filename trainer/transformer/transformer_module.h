#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "trainer/bag_module.h"
#include "trainer/transformer/transformer_config.h"
#include "trainer/transformer/transformer_weights.h"

namespace dashi::trainer {

struct TransformerModuleOptions {
  TransformerConfig config;
  PoolingConfig pooling;
  std::uint64_t seed = 1;       ///< of a random start and of dropout
  int num_threads = 1;          ///< 0 = one per core
  std::string device = "auto";  ///< "auto", "cpu", "cuda"
  /// Arithmetic of the matrix products in training steps: "float32", "bfloat16", or "auto", which
  /// is bfloat16 where the processor multiplies it natively. Parameters, moments, residuals, norms
  /// and sums are float32 always.
  std::string precision = "auto";
  std::string encode_precision = "float32";  ///< the same for Encode
  float weight_decay = 0.01F;                ///< of matrices; not of biases and norms
  /// What a step may hold of activations, about. A batch that needs more is encoded in chunks, and
  /// each chunk once more for its gradient (Gao et al. 2021, GradCache). 0: 1 GiB on the processor,
  /// on a GPU half of what it has free.
  std::uint64_t activation_bytes_max = 0;
};

/// Gradients of a batch's loss, for checks, in the order of TransformerParameters.
struct TransformerGradients {
  float loss = 0;
  std::vector<std::vector<float>> parameters;
};

/// EncoderModule of a transformer. `texts` of a batch are token ids in the order of the text, those
/// of the template included, and without values: a row of SparseRows that is not ascending.
/// `rates.dense` is the learning rate of all parameters (AdamW, with dropout), `rates.embeddings`
/// is not used. Encode runs without dropout.
///
/// Errors:  kInvalidArgument for a token id, a length or a position out of range; kInternal naming
///          the step when the loss is not finite.
/// Threads: Encode may be called by several threads at once, but beside nothing else; the other
///          methods by one thread at a time. `num_threads` threads work inside, and results do not
///          depend on their number.
class TransformerModule : public EncoderModule {
 public:
  /// What EncoderStep would follow, without dropout and without stepping.
  virtual Result<TransformerGradients> ComputeGradients(const EncoderBatch& batch) = 0;

  /// Copies of the parameters, as F32.
  virtual TransformerWeights ExportEncoder() const = 0;
};

}  // namespace dashi::trainer
