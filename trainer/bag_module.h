#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "trainer/bag_weights.h"
#include "trainer/encoder_module.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

class TransformerModule;
struct TransformerModuleOptions;
struct TransformerWeights;

struct BagModuleOptions {
  std::uint32_t vocabulary_size = 0;
  std::uint32_t dim = 256;
  std::uint32_t hidden = 256;  ///< 0: no residual block
  std::uint64_t seed = 1;
  int num_threads = 1;          ///< 0 = one per core
  std::string device = "auto";  ///< "auto", "cpu", "cuda"
  /// Arithmetic of the dense matrix products in training steps: "float32", "bfloat16", or "auto",
  /// which is bfloat16 where the processor multiplies it natively. Parameters, moments, sums and
  /// Encode are float32 always.
  std::string precision = "auto";
  /// Uses the tensor library's operators instead of kernels of ours, on the processor for token
  /// rows, on an accelerator for the loss and clusters too. The naive twin that tests compare with.
  bool portable_kernels = false;
};

/// Gradients of a batch's loss, for checks.
struct EncoderGradients {
  float loss = 0;
  std::vector<float> embeddings;  ///< [vocabulary_size, dim]
  std::vector<float> w1;          ///< [hidden, dim]
  std::vector<float> b;           ///< [hidden]
  std::vector<float> w2;          ///< [dim, hidden]
};

/// EncoderModule of the `bag` encoder: `texts` of a batch are weighted token bags.
class BagModule : public EncoderModule {
 public:
  /// What EncoderStep would follow, without stepping.
  virtual Result<EncoderGradients> ComputeGradients(const EncoderBatch& batch) = 0;

  /// The encoder as queries use it, token vectors rounded to binary16.
  virtual BagWeights ExportEncoder() const = 0;
  virtual Status ImportEncoder(const BagWeights& weights) = 0;
};

/// A loss over given scores.
struct ScoreLoss {
  float loss = 0;
  float top1 = 0;
  std::vector<float> gradient;  ///< [num_rows, num_columns]: d loss / d score
};

/// What libdashi_torch.so offers.
class TensorBackend {
 public:
  virtual ~TensorBackend() = default;
  virtual Result<std::unique_ptr<BagModule>> NewBagModule(const BagModuleOptions& options) = 0;
  /// `weights` without tensors: a random start from the seed. trainer/transformer declares the
  /// rest.
  virtual Result<std::unique_ptr<TransformerModule>> NewTransformerModule(
      const TransformerModuleOptions& options, const TransformerWeights& weights) = 0;
  /// out = a b^T in float32 on the processor.
  /// Shape: a [num_rows, dim], b [num_columns, dim], out [num_rows, num_columns], all row-major.
  virtual Status MultiplyTransposed(const float* a, std::size_t num_rows, const float* b,
                                    std::size_t num_columns, std::size_t dim, int num_threads,
                                    float* out) = 0;
  /// The loss that training steps use, on scores given by the caller.
  /// Shape: scores [positives.num_rows(), num_columns].
  virtual Result<ScoreLoss> EvaluateLoss(const LossOptions& options, std::span<const float> scores,
                                         const SparseRows& positives, const SparseRows& masked) = 0;
  /// The free memory of the accelerator that `device` ("auto", "cpu", "cuda") stands for; nullopt
  /// where that is the processor.
  ///
  /// Errors: kInvalidArgument, kUnavailable as a module's `device`.
  virtual Result<std::optional<std::uint64_t>> FreeDeviceBytes(const std::string& device) = 0;
  /// "LibTorch 2.11.0+cu130"
  virtual std::string version() const = 0;
};

/// The version of the interfaces above. libdashi_torch.so refuses a program with another one.
inline constexpr std::uint32_t kTensorBackendAbi = 8;

/// The one symbol that libdashi_torch.so exports: `TensorBackend* dashi_tensor_backend(abi)`, null
/// when the versions differ.
inline constexpr const char* kTensorBackendSymbol = "dashi_tensor_backend";

/// Loads libdashi_torch.so at its first call in the process and returns its backend, which lives
/// for ever. `path` empty: beside the running program, then beside this library, then the system's
/// search path.
///
/// Errors: kUnavailable naming the file, the loader's reason, and what still works without it.
/// Cost:   0.25 s and about 115 MB once.
Result<TensorBackend*> LoadTensorBackend(const std::string& path);

}  // namespace dashi::trainer
