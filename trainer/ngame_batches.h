#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"
#include "trainer/encoder_module.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// Puts mini-batches together out of a training task. Knows which columns are no negatives: all
/// known positives of a row and the row's own item.
///
/// Where labels have weights, a document's row has the mean weight of its positives, and each of
/// them takes part in proportion to its own: the expected gradient is that of weighted pairs.
///
/// Threads: one thread at a time.
class NgameBatches {
 public:
  /// `task` must outlive this.
  explicit NgameBatches(const TrainingTask& task);

  /// A batch of the encoder stage. An item below num_documents is a document, which draws one of
  /// its positives; item num_documents + l is the text of label l as a document whose only target
  /// is l. Columns are the distinct targets.
  EncoderBatch ForEncoder(std::span<const std::uint32_t> items, const LossOptions& loss,
                          Random& random);
  /// The label rows of the columns of the last batch.
  std::span<const std::uint32_t> labels() const { return labels_; }

  /// A batch of the classifier stage: columns are all positives of the documents plus at most
  /// `random_labels` other labels drawn at random; with LossKind::kBinary all labels. With weights
  /// a row keeps its heaviest positive and each other one with a probability of its share of that.
  ClassifierBatch ForClassifier(std::span<const std::uint32_t> documents, const LossOptions& loss,
                                std::uint32_t random_labels, Random& random);

 private:
  ClassifierBatch ForAllLabels(std::span<const std::uint32_t> documents, Random& random);
  // One of the document's positives.
  std::uint32_t DrawPositive(std::uint32_t document, Random& random) const;
  // Those of the document's positives that take part, ascending; valid until the next call.
  std::span<const std::uint32_t> KeptPositives(std::uint32_t document, Random& random);
  // The mean weight of the document's positives.
  float RowWeight(std::uint32_t document) const;
  // Announces the tokens of the documents among the items.
  void WillNeedDocuments(std::span<const std::uint32_t> items);
  // Numbers labels_ (distinct, ascending) as columns.
  void NumberColumns();
  void ReleaseColumns();
  // Appends a row of positives and masked columns of a document whose positives in this batch are
  // `targets` (ascending label rows).
  void AppendDocument(std::uint32_t document, std::span<const std::uint32_t> targets,
                      SparseRows* positives, SparseRows* masked) const;
  void AddRandomLabels(std::uint32_t count, Random& random);

  const TrainingTask& task_;
  const std::uint32_t num_documents_;
  const std::uint32_t num_labels_;
  std::vector<std::uint32_t> column_of_label_;  // [num_labels], kAbsent but for this batch
  std::vector<std::uint32_t> labels_;           // columns of this batch
  std::vector<std::uint32_t> documents_;        // of this batch
  std::vector<std::uint32_t> kept_;             // of one document
};

}  // namespace dashi::trainer
