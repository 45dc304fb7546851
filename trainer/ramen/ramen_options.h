#pragma once

#include <cstdint>

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

/// How graphs regularise the encoder's training. Without graphs in the task none of it matters.
///
/// Paper: Mittal et al., Graph Regularized Encoder Training for Extreme Classification (WWW 2025).
struct RamenOptions {
  bool document_graph = true;         ///< terms of documents and their anchors
  bool label_graph = true;            ///< terms of labels and their anchors
  std::uint32_t anchors_per_row = 1;  ///< that a row draws of each graph
  double row_share = 1;               ///< of a batch's rows that draw anchors of a graph
  LossOptions loss;                   ///< of NGAME's encoder here; published: PublishedGraphLoss

  /// Edges whose ends are not similar are left out, once the encoder can tell.
  bool pruning = true;
  /// Of the epochs before the first pruning, at least one epoch. Published: 10 epochs of 300.
  double prune_warmup_share = 0.2;
  std::uint32_t prune_epochs = 3;  ///< from one pruning to the next; published: 5 of 300
  float cosine_min = 0;            ///< edges with a higher cosine are kept

  /// The weights of the terms are learned; else they stay `weight`.
  bool bandit = true;
  double weight = 0.1;    ///< of each term, at the beginning
  double weight_min = 0;  ///< of a learned weight; published: .1
  double bandit_rate = 0.01;
  double bandit_deviation = 0.1;     ///< of the weights that are tried
  std::uint32_t bandit_steps = 30;   ///< that each trial lasts
  double bandit_momentum = 0.8;      ///< of the reward that trials are compared with
  double bandit_frozen_share = 0.1;  ///< of the steps, at the end, with the weights learned so far
};

}  // namespace dashi::trainer
