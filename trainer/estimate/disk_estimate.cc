#include "trainer/estimate/disk_estimate.h"

#include <algorithm>

#include "index/segment/segment_header.h"
#include "index/vector_index.h"
#include "trainer/ranker/ranker_features.h"

namespace dashi::trainer {
namespace {

constexpr std::uint64_t kFloat = sizeof(float);
constexpr std::uint64_t kHalf = sizeof(std::uint16_t);
constexpr std::uint64_t kIndex = sizeof(std::uint32_t);
constexpr std::uint64_t kOffset = sizeof(std::uint64_t);
constexpr std::uint64_t kBytesPerWord = 12;
// Key, hash of the text and block overhead of an embedding.
constexpr std::uint64_t kBytesPerEmbedding = 20;
constexpr std::uint64_t kRankerBytesPerLabel = 700;
// RocksDB's log while blobs are written, and blobs that were deleted and not yet cleared away.
constexpr std::uint64_t kLogAndGarbageBytes = std::uint64_t{64} << 20U;

std::uint64_t DataBytes(const TrainingSizes& sizes) {
  const std::uint64_t entry = kIndex + (sizes.weighted_tokens ? kFloat : 0);
  const std::uint64_t num_texts = sizes.num_documents + sizes.num_labels;
  std::uint64_t bytes = entry * (sizes.document_tokens + sizes.label_tokens + sizes.anchor_tokens) +
                        (kOffset + 3 * kIndex) * num_texts +
                        kIndex * (sizes.pairs + sizes.num_edges) +
                        kOffset * (sizes.num_graphs * num_texts + sizes.num_anchors) +
                        kBytesPerWord * sizes.vocabulary_size;
  if (sizes.features > 0) {
    bytes += (kIndex + kFloat) * sizes.features + kOffset * num_texts +
             kFloat * RankerFeatures::kNumBuckets + kBytesPerWord * sizes.vocabulary_size;
  }
  return bytes;
}

std::uint64_t StateBytes(const TrainingSizes& sizes, const NgameOptions& options) {
  const std::uint64_t parameters = kFloat * NumEncoderParameters(sizes, options);
  const std::uint64_t vectors = kFloat * sizes.num_labels * options.dim;
  const auto bank = [&](std::uint64_t rows) { return rows * (kHalf * options.dim + 2 * kIndex); };
  const std::uint64_t encoder = 3 * parameters + bank(sizes.num_items()) + sizes.num_edges / 8;
  std::uint64_t classifier = 0;
  if (options.classifier_epochs > 0) {
    const std::uint64_t moments = options.classifier_trains_encoder ? 2 * parameters : 0;
    const std::uint64_t best = sizes.num_held_out > 0 ? parameters + vectors : 0;
    const std::uint64_t label_moments =
        options.classifier_loss.kind == LossKind::kBinary ? 0 : 2 * vectors;
    classifier = parameters + moments + vectors + label_moments + bank(sizes.num_documents) +
                 /*encoder of the first stage*/ parameters + best;
  }
  return std::max(encoder, classifier);
}

/// What a row takes in the file of an index of that many; nothing where there is none.
std::uint64_t IndexRowBytes(std::uint64_t num_rows, std::size_t dim) {
  return index::ChooseIndexKind(num_rows, dim) == "exact"
             ? 0
             : index::SegmentRowBytes(dim, index::HnswOptions().num_links);
}

std::uint64_t ReleaseBytes(const TrainingSizes& sizes, const NgameOptions& options) {
  const std::uint64_t parameters = NumEncoderParameters(sizes, options);
  const std::uint64_t encoder = options.transformer == nullptr
                                    ? kHalf * parameters + kBytesPerWord * sizes.vocabulary_size
                                    : kFloat * parameters;
  const std::uint64_t vector = kHalf * options.dim;
  const std::uint64_t embeddings =
      (sizes.num_documents_stored + sizes.num_labels_stored) * (vector + kBytesPerEmbedding);
  const std::uint64_t of_label = vector + kIndex + IndexRowBytes(sizes.num_labels, options.dim) +
                                 (sizes.num_features > 0 ? kRankerBytesPerLabel : 0);
  std::uint64_t votes = 0;
  if (options.retrieval) {
    votes =
        kIndex * sizes.pairs +
        sizes.num_documents * (kIndex + kOffset + IndexRowBytes(sizes.num_documents, options.dim));
  }
  return encoder + embeddings + sizes.num_labels * of_label + votes;
}

}  // namespace

std::uint64_t DiskEstimate::PeakBytes() const {
  return checkpoint_data_bytes + checkpoint_state_bytes +
         std::max(checkpoint_state_bytes + scratch_bytes, release_bytes) +
         std::min(kLogAndGarbageBytes, checkpoint_state_bytes);
}

DiskEstimate EstimateDisk(const TrainingSizes& sizes, const NgameOptions& options) {
  const std::uint64_t rows = MeasureRows(sizes, options).Peak();
  const bool fits = rows <= std::uint64_t{options.rows_memory_mb} << 20U;
  return {DataBytes(sizes), StateBytes(sizes, options), ReleaseBytes(sizes, options),
          fits ? 0 : rows};
}

}  // namespace dashi::trainer
