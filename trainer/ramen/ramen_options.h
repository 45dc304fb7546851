#pragma once

#include <cstdint>
#include <optional>

#include "trainer/loss_options.h"

namespace dashi::trainer {

/// The loss of graph terms as published: NGAME's first stage with a temperature of .1.
inline LossOptions PublishedGraphLoss() {
  LossOptions loss;
  loss.kind = LossKind::kTriplet;
  loss.temperature = 0.1F;
  loss.margin = 0.3F;
  loss.num_negatives = 10;
  return loss;
}

/// Who says what a graph's terms weigh. Each graph has a weight for documents and one for labels.
///
/// kFixed:     the options.
/// kBandit:    WeightBandit, which learns them from what the task gains, as published.
/// kEvidence:  the options, or less down to 0 where an encoder that does not know the graph shows
///             no sign that its edges go where the task goes; see graph_evidence.h. A side that
///             convinces before the first step counts from there on, others after the warm-up.
enum class GraphWeighting : std::uint8_t { kFixed = 0, kBandit = 1, kEvidence = 2 };

/// How graphs regularise the encoder's training. Without graphs in the task none of it matters.
///
/// Paper: Mittal et al., Graph Regularized Encoder Training for Extreme Classification (WWW 2025).
struct RamenOptions {
  bool document_graph = true;         ///< terms of documents and their anchors
  bool label_graph = true;            ///< terms of labels and their anchors
  std::uint32_t anchors_per_row = 1;  ///< that a row draws of each graph
  /// Of a batch's rows that draw anchors of a graph. Published: all. A third costs a third and ends
  /// as accurate (docs/BENCHMARKS.md).
  double row_share = 0.35;
  LossOptions loss;  ///< of NGAME's encoder here; published: PublishedGraphLoss

  /// Of the epochs before the first pruning and the last evidence, at least one epoch: with the
  /// default those with random batches. Published: 10 epochs of 300.
  double warmup_share = 0.2;
  /// Whether terms count in the warm-up, with all edges, where weights do not go by evidence.
  /// Published: they do. The encoder then has learned wrong edges before it is asked about them.
  bool warmup_terms = false;

  /// Edges whose ends are not similar are left out, once the encoder can tell.
  bool pruning = true;
  std::uint32_t prune_epochs = 3;  ///< from one pruning to the next; published: 5 of 300
  /// Edges with a higher cosine are kept. nullopt: than the mean of random pairs by
  /// `cosine_deviations` of their deviations. Published: 0.
  std::optional<float> cosine_min;
  double cosine_deviations = 0.5;

  GraphWeighting weighting = GraphWeighting::kEvidence;
  double weight = 0.1;    ///< of each term; of a bandit at the beginning
  double weight_min = 0;  ///< of a learned weight; published: .1
  double bandit_rate = 0.01;
  double bandit_deviation = 0.1;     ///< of the weights that are tried
  std::uint32_t bandit_steps = 30;   ///< that each trial lasts
  double bandit_momentum = 0.8;      ///< of the reward that trials are compared with
  double bandit_frozen_share = 0.1;  ///< of the steps, at the end, with the weights learned so far
};

}  // namespace dashi::trainer
