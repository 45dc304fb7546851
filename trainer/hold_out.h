#pragma once

#include <cstdint>
#include <vector>

#include "trainer/training_task.h"

namespace dashi::trainer {

/// Documents that have tokens and labels, in two parts, each ascending.
struct HoldOut {
  std::vector<std::uint32_t> training;
  std::vector<std::uint32_t> validation;
  /// The held-out documents' labels. Labels that no training document carries are left out of
  /// `truth` and never an answer: the model was not taught them, while in the database they have
  /// documents. With them, text would look better than it is.
  SparseRows truth;    ///< [validation.size(), num_labels]
  SparseRows ignored;  ///< [validation.size(), num_labels], with each document's own label
};

/// Draws the held-out documents: `share` of all, but at least 300 (or a tenth of a small set) and
/// at most `documents_max`. share 0 holds nothing out. Documents of which no label is left in
/// `truth` are not kept.
HoldOut SplitHoldOut(const TrainingTask& task, double share, std::uint32_t documents_max,
                     std::uint64_t seed);

}  // namespace dashi::trainer
