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
  /// 16 GiB on an accelerator.
  std::uint64_t activation_bytes_max = 0;
};

/// Gradients of a batch's loss, for checks, in the order of TransformerParameters.
struct TransformerGradients {
  float loss = 0;
  std::vector<std::vector<float>> parameters;
};

/// The tensor side of a transformer: what BagModule is for the bag encoder, with the same batches.
/// `texts` of a batch are token ids in the order of the text, those of the template included, and
/// without values: a row of SparseRows that is not ascending. `rates.dense` is the learning rate of
/// all parameters, `rates.embeddings` is not used.
///
/// Errors:  kInvalidArgument for a token id, a length or a position out of range; kInternal naming
///          the step when the loss is not finite.
/// Threads: Encode may be called by several threads at once, but beside nothing else; the other
///          methods by one thread at a time. `num_threads` threads work inside, and results do not
///          depend on their number.
class TransformerModule {
 public:
  virtual ~TransformerModule() = default;

  /// One step of AdamW on all parameters, with dropout.
  virtual Result<StepResult> EncoderStep(const EncoderBatch& batch, const StepRates& rates) = 0;
  /// What EncoderStep would follow, without dropout and without stepping.
  virtual Result<TransformerGradients> ComputeGradients(const EncoderBatch& batch) = 0;

  /// Sets the label vectors W and starts the optimisers afresh.  Shape: vectors [num_labels, dim].
  virtual Status SetClassifier(std::span<const float> vectors, std::uint32_t num_labels) = 0;
  /// One step on W, and on the encoder too when `rates.dense` > 0.
  virtual Result<StepResult> ClassifierStep(const ClassifierBatch& batch,
                                            const StepRates& rates) = 0;

  /// Embeddings of texts, without dropout.  Shape: out [texts.num_rows(), dim].
  virtual Status Encode(const SparseRows& texts, float* out) = 0;

  /// Copies of the parameters, as F32.
  virtual TransformerWeights ExportEncoder() const = 0;
  /// [num_labels, dim], not normalised.
  virtual std::vector<float> ExportClassifier() const = 0;

  /// "cpu" or "cuda:0 <name>".
  virtual std::string device() const = 0;
};

}  // namespace dashi::trainer
