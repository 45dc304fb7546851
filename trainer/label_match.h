#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dashi/status.h"
#include "storage/view.h"

namespace dashi::trainer {

/// The labels of a release, and where each stands among those that a training or a folder has.
struct LabelMatch {
  std::vector<storage::Ordinal> ordinals;  ///< [num_labels] ascending
  std::vector<std::uint32_t> rows;         ///< [num_labels], kNoRankerRow for a label it never saw
};

/// All labels of the training.
LabelMatch TrainedLabels(std::span<const storage::Ordinal> trained);

/// All labels of the view: a training that went on from a checkpoint may know labels that were
/// deleted meanwhile, and others may have come.  Shape: trained ascending.
///
/// Errors: kFailedPrecondition when there is no label.
/// Cost:   one scan of the labels.
Result<LabelMatch> MatchLabels(const storage::View& view,
                               std::span<const storage::Ordinal> trained);

/// Each label's row of `trained`, or its embedding where it has none.
/// Shape: trained [trained labels, dim], embeddings and result [num_labels, dim], binary16.
std::vector<std::uint16_t> MatchedClassifiers(const LabelMatch& labels,
                                              std::span<const std::uint16_t> trained,
                                              std::span<const std::uint16_t> embeddings);

}  // namespace dashi::trainer
