#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dashi/status.h"
#include "trainer/level_splitter.h"
#include "trainer/loss_options.h"
#include "trainer/training_state.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// One contrastive term of an encoder step: rows attract their positives and repel the other
/// columns, except masked ones. NGAME uses one term; graph regularisers add terms over the same
/// batch texts.
struct ContrastiveTerm {
  std::vector<std::uint32_t> rows;     ///< [num_rows] positions in EncoderBatch::texts
  std::vector<std::uint32_t> columns;  ///< [num_columns] positions in EncoderBatch::texts, distinct
  SparseRows positives;            ///< [num_rows, num_columns]: the sampled positives of each row
  SparseRows masked;               ///< [num_rows, num_columns]: neither positive nor negative
  std::vector<float> row_weights;  ///< [num_rows], of the rows' gradients; empty: each 1
  float weight = 1.0F;
  LossOptions loss;
};

struct EncoderBatch {
  SparseRows texts;  ///< [num_texts, vocabulary] as in TrainingTask, each distinct text once
  std::vector<ContrastiveTerm> terms;
};

/// A step of the classifier stage: rows are documents, columns label vectors. With
/// LossKind::kBinary `columns` is empty and all labels are columns.
struct ClassifierBatch {
  SparseRows texts;               ///< [num_rows, vocabulary]; encoded when the encoder trains
  std::vector<float> embeddings;  ///< [num_rows, dim] unit rows; used when the encoder is frozen
  std::vector<std::uint32_t> columns;  ///< [num_columns] distinct label rows
  SparseRows positives;                ///< [num_rows, num_columns]
  SparseRows masked;                   ///< [num_rows, num_columns]
  std::vector<float> row_weights;      ///< [num_rows], of the rows' gradients; empty: each 1
  float dropout = 0.25F;               ///< on document embeddings, which are renormalised after it
  std::uint64_t dropout_seed = 0;
  LossOptions loss;
};

/// Learning rates of one step.
struct StepRates {
  float embeddings = 0;  ///< of a bag: lazy Adam on touched token rows
  float dense = 0;       ///< AdamW on the residual block, or on all parameters of a transformer
  float classifier = 0;  ///< lazy Adam on touched label vectors; of kBinary: SGD on all
};

struct StepResult {
  float loss = 0;  ///< without the weights of rows
  /// Fraction of rows whose best column is a positive.
  float top1 = 0;
  /// [terms[0].num_rows, dim]: the row embeddings of the first term (or of the classifier batch),
  /// unit length, for the memory bank that clustering reads for free.
  std::vector<float> row_embeddings;
};

/// A tensor of parameters by its name in the module.
struct NamedTensor {
  std::string name;
  std::vector<float> values;  ///< row-major
};

/// The tensor side of training an encoder and its label vectors: parameters, gradients, optimiser
/// state. Implemented in libdashi_torch.so with LibTorch, for each kind of encoder; the loops
/// around it (sampling, clustering, epochs, early stopping) are ours and know no tensor library.
///
/// Errors:  kInvalidArgument for shapes that do not fit together and rows out of range.
/// Threads: one thread at a time; it uses threads of its own inside.
class EncoderModule {
 public:
  virtual ~EncoderModule() = default;

  /// One optimiser step on the encoder.
  ///
  /// Errors: kInternal naming the step when the loss is not finite.
  virtual Result<StepResult> EncoderStep(const EncoderBatch& batch, const StepRates& rates) = 0;

  /// Sets the label vectors W and starts the optimisers afresh.  Shape: vectors [num_labels, dim].
  virtual Status SetClassifier(std::span<const float> vectors, std::uint32_t num_labels) = 0;
  /// One step on W, and on the encoder too when a rate of its own is above 0.
  virtual Result<StepResult> ClassifierStep(const ClassifierBatch& batch,
                                            const StepRates& rates) = 0;

  /// Unit embeddings of texts with the current parameters.  Shape: out [texts.num_rows(), dim].
  virtual Status Encode(const SparseRows& texts, float* out) = 0;

  /// Copies of the encoder's parameters, in an order that is always the same.
  virtual std::vector<NamedTensor> ExportParameters() const = 0;
  /// Takes parameters of a module of the same shape and starts the encoder's optimiser afresh.
  virtual Status ImportParameters(std::span<const NamedTensor> parameters) = 0;
  /// [num_labels, dim], not normalised.
  virtual std::vector<float> ExportClassifier() const = 0;

  /// All that later steps depend on: parameters, moments, counters, the label vectors too.
  ///
  /// Errors: kInternal naming the part when a number is not finite; the writer's.
  virtual Status Save(StateWriter& to) const = 0;
  /// Goes on where Save was called, with the same bits, in a module made with the same options.
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

}  // namespace dashi::trainer
