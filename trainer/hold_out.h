#pragma once

#include <cstdint>
#include <vector>

#include "trainer/training_task.h"

namespace dashi::trainer {

/// Documents that have tokens and labels: all of them, and two parts, each ascending.
struct HoldOut {
  std::vector<std::uint32_t> all;
  std::vector<std::uint32_t> training;
  std::vector<std::uint32_t> validation;
  /// The held-out documents' labels. Labels that no training document carries are left out of
  /// `truth` and never an answer: the model was not taught them, while in the database they have
  /// documents. With them, text would look better than it is. They stay where the task has more
  /// labels without any document: there new documents will carry labels that were not taught.
  SparseRows truth;    ///< [validation.size(), num_labels]
  SparseRows ignored;  ///< [validation.size(), num_labels], with each document's own label
};

/// Takes the held-out documents: those of task.held_out where that is given, otherwise `share` of
/// all at random, but at least 300 (or a tenth of a small set); share 0 holds nothing out. At most
/// `documents_max` of them are kept in `validation`, drawn at random, and none of which no label
/// is left in `truth`. A held-out document is never in `training`.
HoldOut SplitHoldOut(const TrainingTask& task, double share, std::uint32_t documents_max,
                     std::uint64_t seed);

}  // namespace dashi::trainer
