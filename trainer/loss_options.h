#pragma once

#include <cstdint>

namespace dashi::trainer {

/// Which training loss a term uses.
///
/// kSoftmax:         each positive against all negatives of its row, divided by the temperature;
///                   mean over a row's positives, then over rows.
/// kTriplet:         NGAME's first stage. The `num_negatives` hardest negatives of each positive,
///                   hinges weighted by the softmax of the negatives' scores / temperature.
/// kTripletHardest:  NGAME's second stage. The `num_positives` lowest positives against the
///                   `num_negatives` highest negatives, hinges weighted by their own softmax.
/// kBinary:          of the classifier stage only, over all labels: the cross-entropy of
/// sigmoid(score
///                   / temperature + bias) summed over the labels, mean over rows.
/// In both triplet losses gradients flow through the weights, as in the published code.
enum class LossKind : std::uint8_t { kSoftmax = 0, kTriplet = 1, kTripletHardest = 2, kBinary = 3 };

struct LossOptions {
  LossKind kind = LossKind::kSoftmax;
  float temperature = 0.05F;
  float margin = 0.3F;
  std::uint32_t num_negatives = 10;
  std::uint32_t num_positives = 3;  ///< of kTripletHardest
  float bias = 0;                   ///< of kBinary
};

}  // namespace dashi::trainer
