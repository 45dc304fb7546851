#include "trainer/estimate/training_sizes.h"

#include <algorithm>
#include <cmath>

#include "trainer/ngame_ranker.h"
#include "trainer/sparse_rows.h"

namespace dashi::trainer {
namespace {

// What SplitHoldOut takes of a set that is large enough.
constexpr std::uint64_t kHeldOutMin = 300;

}  // namespace

TrainingSizes MeasureSizes(const TrainingData& data, const NgameOptions& options,
                           std::uint64_t num_documents_stored, std::uint64_t num_labels_stored) {
  const TrainingTask& task = data.task;
  TrainingSizes sizes;
  sizes.num_documents = task.relevance.num_rows();
  sizes.num_labels = task.label_tokens.num_rows();
  sizes.num_documents_stored = num_documents_stored;
  sizes.num_labels_stored = num_labels_stored;
  for (std::size_t label = 0; options.label_documents && label < sizes.num_labels; ++label) {
    sizes.num_label_items += RowColumns(task.label_tokens, label).empty() ? 0 : 1;
  }
  if (task.held_out) {
    sizes.num_held_out = task.held_out->size();
  } else if (options.validation_share > 0) {
    const double share = options.validation_share * static_cast<double>(sizes.num_documents);
    sizes.num_held_out = std::max(static_cast<std::uint64_t>(share), kHeldOutMin);
  }
  sizes.num_held_out =
      std::min<std::uint64_t>(sizes.num_held_out, options.validation_documents_max);
  sizes.document_tokens = task.document_tokens.columns.size();
  sizes.label_tokens = task.label_tokens.columns.size();
  sizes.features = task.document_features.columns.size() + task.label_features.columns.size();
  sizes.pairs = task.relevance.columns.size();
  sizes.vocabulary_size = task.vocabulary_size;
  sizes.num_features = options.ranker && sizes.num_held_out > 0 ? task.num_features : 0;
  sizes.weighted_tokens = !task.document_tokens.values.empty();
  for (const TrainingGraph& graph : task.graphs) {
    const std::uint64_t num_anchors = graph.anchor_tokens.num_rows();
    ++sizes.num_graphs;
    sizes.num_edges += graph.document_anchors.columns.size() + graph.label_anchors.columns.size();
    sizes.num_anchors += num_anchors;
    sizes.num_anchors_max = std::max(sizes.num_anchors_max, num_anchors);
    sizes.anchor_tokens += graph.anchor_tokens.columns.size();
  }
  return sizes;
}

std::uint64_t RowBytes::Peak() const {
  return tokens + features + std::max({encoder_bank, classifier_bank, hard_negatives});
}

RowBytes MeasureRows(const TrainingSizes& sizes, const NgameOptions& options) {
  constexpr std::uint64_t kIndex = sizeof(std::uint32_t);
  constexpr std::uint64_t kOffset = sizeof(std::uint64_t);
  constexpr std::uint64_t kFloat = sizeof(float);
  const std::uint64_t bank_row = sizeof(std::uint16_t) * std::uint64_t{options.dim};
  const std::uint64_t num_texts = sizes.num_documents + sizes.num_labels;
  RowBytes bytes;
  // Beside tokens and pairs a document has its ordinal and its own label.
  bytes.tokens = (kIndex + (sizes.weighted_tokens ? kFloat : 0)) *
                     (sizes.document_tokens + sizes.label_tokens + sizes.anchor_tokens) +
                 kOffset * num_texts + kIndex * sizes.pairs +
                 (kOffset + 2 * kIndex) * sizes.num_documents + kIndex * sizes.num_edges +
                 kOffset * (sizes.num_graphs * num_texts + sizes.num_anchors);
  if (sizes.features > 0) {
    bytes.features = (kIndex + kFloat) * sizes.features + kOffset * num_texts;
  }
  bytes.encoder_bank = bank_row * (sizes.num_items() + sizes.num_anchors_max);
  bytes.classifier_bank = options.classifier_epochs > 0 ? bank_row * sizes.num_documents : 0;
  if (sizes.num_features > 0) {
    const std::uint64_t each =
        NegativesPerDocument(static_cast<double>(sizes.pairs) /
                             static_cast<double>(std::max<std::uint64_t>(1, sizes.num_documents)));
    bytes.hard_negatives = (kOffset + kIndex * each) * sizes.num_documents;
  }
  return bytes;
}

std::uint64_t NumEncoderParameters(const TrainingSizes& sizes, const NgameOptions& options) {
  if (options.transformer == nullptr) {
    const std::uint64_t dim = options.dim;
    const std::uint64_t hidden = options.hidden;
    return sizes.vocabulary_size * dim + 2 * hidden * dim + hidden;
  }
  std::uint64_t count = 0;
  for (const TransformerParameter& parameter : TransformerParameters(options.transformer->config)) {
    std::uint64_t size = 1;
    for (const std::uint64_t extent : parameter.shape) {
      size *= extent;
    }
    count += size;
  }
  return count;
}

std::uint64_t NumClassifierColumns(const TrainingSizes& sizes, const NgameOptions& options) {
  if (options.classifier_loss.kind == LossKind::kBinary) {
    constexpr std::uint64_t kAtOnce = 16'384;  // of BinaryPass
    return std::min(sizes.num_labels, kAtOnce);
  }
  const double positives = static_cast<double>(options.batch_size) *
                           static_cast<double>(sizes.pairs) /
                           static_cast<double>(std::max<std::uint64_t>(1, sizes.num_documents));
  return std::min(sizes.num_labels, static_cast<std::uint64_t>(positives) + options.random_labels);
}

}  // namespace dashi::trainer
