#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// Rows of one side of a graph that are asked whether their anchors would help the task.
struct EvidenceRows {
  std::vector<std::uint32_t> rows;     ///< [n] documents or labels
  std::vector<std::uint32_t> targets;  ///< [n] a positive label or document of each
  std::vector<std::uint32_t> anchors;  ///< [n] one of each row's
  std::vector<std::uint32_t> others;   ///< [n] one of any row's
};

/// Draws rows among those that have both an anchor with another text and a target. `documents`:
/// that train.
///
/// Cost: a pass over the relevance of the documents.
EvidenceRows DrawEvidenceRows(const TrainingTask& task, const TrainingGraph& graph,
                              bool of_documents, std::span<const std::uint32_t> documents,
                              Random& random);

/// Unit embeddings of what EvidenceRows has, each [n, dim].
struct EvidenceVectors {
  std::vector<float> rows;
  std::vector<float> targets;
  std::vector<float> anchors;
  std::vector<float> others;
};

/// A row's gradient towards its target is, at cosines near each other, the target's embedding less
/// the mean of targets, and towards its anchor that of the anchor less the mean of anchors; both
/// without their part along the row, which has unit length. Compares them.
///
/// The encoder must not have been trained on the edges, or memory is taken for evidence.
GraphEvidence MeasureEvidence(const EvidenceVectors& vectors, std::size_t dim);

/// The share of the full weight that a graph's side has on evidence: 0 unless the agreement is
/// surely above zero and above chance, 1 where it is so by far.
double EvidenceShare(const GraphEvidence& evidence);

}  // namespace dashi::trainer
