#pragma once

#include <cstdint>

#include "trainer/ngame.h"
#include "trainer/training_data.h"

namespace dashi::trainer {

/// What the needs of a training follow from, known once its rows are read.
struct TrainingSizes {
  std::uint64_t num_documents = 0;  ///< that it learns from
  std::uint64_t num_labels = 0;
  std::uint64_t num_documents_stored = 0;  ///< rows of the table, which a release embeds
  std::uint64_t num_labels_stored = 0;
  std::uint64_t num_label_items = 0;  ///< labels with a text, which the encoder stage reads too
  std::uint64_t num_held_out = 0;     ///< at most
  std::uint64_t document_tokens = 0;
  std::uint64_t label_tokens = 0;
  std::uint64_t features = 0;  ///< of documents and labels, as the ranker sees them
  std::uint64_t pairs = 0;
  std::uint64_t vocabulary_size = 0;
  std::uint64_t num_features = 0;  ///< 0: no ranker
  // Of all graphs together, where one regularises the encoder.
  std::uint64_t num_graphs = 0;
  std::uint64_t num_edges = 0;  ///< of documents and of labels
  std::uint64_t num_anchors = 0;
  std::uint64_t num_anchors_max = 0;  ///< of the graph that has most
  std::uint64_t anchor_tokens = 0;
  bool weighted_tokens = true;  ///< bags have a weight beside each token

  std::uint64_t num_items() const { return num_documents + num_label_items; }
};

/// `options` as TrainingEncoder::Resolve gives them.
TrainingSizes MeasureSizes(const TrainingData& data, const NgameOptions& options,
                           std::uint64_t num_documents_stored, std::uint64_t num_labels_stored);

/// What stands in a ScratchSpace, in bytes.
struct RowBytes {
  std::uint64_t tokens = 0;           ///< and pairs and edges, with what else a document has
  std::uint64_t features = 0;         ///< of the ranker
  std::uint64_t encoder_bank = 0;     ///< the encoder stage's, with a graph's anchors
  std::uint64_t classifier_bank = 0;  ///< the classifier stage's
  std::uint64_t hard_negatives = 0;   ///< of the ranker

  /// In the stage that needs most.
  std::uint64_t Peak() const;
};
RowBytes MeasureRows(const TrainingSizes& sizes, const NgameOptions& options);

/// Numbers of the encoder: of a bag, token vectors and the residual block.
std::uint64_t NumEncoderParameters(const TrainingSizes& sizes, const NgameOptions& options);
/// The distinct labels that a batch of the classifier stage scores, about.
std::uint64_t NumClassifierColumns(const TrainingSizes& sizes, const NgameOptions& options);

}  // namespace dashi::trainer
