#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "trainer/bag_weights.h"
#include "trainer/level_splitter.h"
#include "trainer/training_state.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

class TransformerModule;
struct TransformerModuleOptions;
struct TransformerWeights;

/// The tensor side of training a `bag` model: parameters, gradients, optimiser state. Implemented
/// in libdashi_torch.so with LibTorch; the loops around it (sampling, clustering, epochs, early
/// stopping) are ours and know no tensor library.
///
/// Threads: one thread at a time; it uses `num_threads` threads inside.

/// Which training loss a term uses.
///
/// kSoftmax:         each positive against all negatives of its row, divided by the temperature;
///                   mean over a row's positives, then over rows.
/// kTriplet:         NGAME's first stage. The `num_negatives` hardest negatives of each positive,
///                   hinges weighted by the softmax of the negatives' scores / temperature.
/// kTripletHardest:  NGAME's second stage. The `num_positives` lowest positives against the
///                   `num_negatives` highest negatives, hinges weighted by their own softmax.
/// In both triplet losses gradients flow through the weights, as in the published code.
enum class LossKind : std::uint8_t { kSoftmax = 0, kTriplet = 1, kTripletHardest = 2 };

struct LossOptions {
  LossKind kind = LossKind::kSoftmax;
  float temperature = 0.05F;
  float margin = 0.3F;
  std::uint32_t num_negatives = 10;
  std::uint32_t num_positives = 3;  ///< of kTripletHardest
};

/// One contrastive term of an encoder step: rows attract their positives and repel the other
/// columns, except masked ones. NGAME uses one term; graph regularisers add terms over the same
/// batch texts.
struct ContrastiveTerm {
  std::vector<std::uint32_t> rows;     ///< [num_rows] positions in EncoderBatch::texts
  std::vector<std::uint32_t> columns;  ///< [num_columns] positions in EncoderBatch::texts, distinct
  SparseRows positives;  ///< [num_rows, num_columns]: the sampled positives of each row
  SparseRows masked;     ///< [num_rows, num_columns]: neither positive nor negative
  float weight = 1.0F;
  LossOptions loss;
};

struct EncoderBatch {
  SparseRows texts;  ///< [num_texts, vocabulary] token bags, each distinct text once
  std::vector<ContrastiveTerm> terms;
};

/// A step of the classifier stage: rows are documents, columns label vectors.
struct ClassifierBatch {
  SparseRows texts;               ///< [num_rows, vocabulary]; encoded when the encoder trains
  std::vector<float> embeddings;  ///< [num_rows, dim] unit rows; used when the encoder is frozen
  std::vector<std::uint32_t> columns;  ///< [num_columns] distinct label rows
  SparseRows positives;                ///< [num_rows, num_columns]
  SparseRows masked;                   ///< [num_rows, num_columns]
  float dropout = 0.25F;               ///< on document embeddings, which are renormalised after it
  std::uint64_t dropout_seed = 0;
  LossOptions loss;
};

/// Learning rates of one step.
struct StepRates {
  float embeddings = 0;  ///< lazy Adam on touched token rows
  float dense = 0;       ///< AdamW on the residual block
  float classifier = 0;  ///< lazy Adam on touched label vectors
};

struct StepResult {
  float loss = 0;
  /// Fraction of rows whose best column is a positive.
  float top1 = 0;
  /// [terms[0].num_rows, dim]: the row embeddings of the first term (or of the classifier batch),
  /// unit length, for the memory bank that clustering reads for free.
  std::vector<float> row_embeddings;
};

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

class BagModule {
 public:
  virtual ~BagModule() = default;

  /// One optimiser step on the encoder.
  ///
  /// Errors: kInternal naming the step when the loss is not finite.
  virtual Result<StepResult> EncoderStep(const EncoderBatch& batch, const StepRates& rates) = 0;

  /// What EncoderStep would follow, without stepping.
  virtual Result<EncoderGradients> ComputeGradients(const EncoderBatch& batch) = 0;

  /// Sets the label vectors W and starts the optimisers afresh.  Shape: vectors [num_labels, dim].
  virtual Status SetClassifier(std::span<const float> vectors, std::uint32_t num_labels) = 0;
  /// One step on W, and on the encoder too when `rates.embeddings` or `rates.dense` > 0.
  virtual Result<StepResult> ClassifierStep(const ClassifierBatch& batch,
                                            const StepRates& rates) = 0;

  /// Unit embeddings of texts with the current parameters.  Shape: out [texts.num_rows(), dim].
  virtual Status Encode(const SparseRows& texts, float* out) = 0;

  virtual BagWeights ExportEncoder() const = 0;
  virtual Status ImportEncoder(const BagWeights& weights) = 0;
  /// [num_labels, dim], not normalised.
  virtual std::vector<float> ExportClassifier() const = 0;

  /// All that later steps depend on: parameters, moments, step counts, the label vectors too.
  ///
  /// Errors: kInternal when a parameter is not finite; the writer's.
  virtual Status Save(StateWriter& to) const = 0;
  /// Goes on where Save was called, with the same bits.
  ///
  /// Errors: kCorruption, kNotFound naming the part; the module is then of no use.
  virtual Status Load(const StateReader& from) = 0;

  /// A splitter over vectors [num_rows, dim] binary16 that runs on the module's device, or null
  /// where that is the processor. It copies the vectors.
  ///
  /// Errors: kInternal when the device's memory does not hold them.
  virtual Result<std::unique_ptr<LevelSplitter>> NewLevelSplitter(const std::uint16_t* vectors,
                                                                  std::size_t num_rows,
                                                                  std::size_t dim) = 0;

  /// "cpu" or "cuda:0 <name>".
  virtual std::string device() const = 0;
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
  /// "LibTorch 2.11.0+cu130"
  virtual std::string version() const = 0;
};

/// The version of the interfaces above. libdashi_torch.so refuses a program with another one.
inline constexpr std::uint32_t kTensorBackendAbi = 5;

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
