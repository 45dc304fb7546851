#include "trainer/vanished_labels.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/status.h"

namespace dashi::trainer {
namespace {

// Keeps the rows of a ranker that `kept` names, ascending.
SparseRankerWeights SelectLabels(const SparseRankerWeights& from,
                                 const std::vector<std::uint32_t>& kept) {
  SparseRankerWeights selected;
  for (const std::uint32_t row : kept) {
    const auto begin = static_cast<std::ptrdiff_t>(from.offsets[row]);
    const auto end = static_cast<std::ptrdiff_t>(from.offsets[row + 1]);
    selected.features.insert(selected.features.end(), from.features.begin() + begin,
                             from.features.begin() + end);
    selected.weights.insert(selected.weights.end(), from.weights.begin() + begin,
                            from.weights.begin() + end);
    selected.offsets.push_back(selected.features.size());
    selected.biases.push_back(from.biases[row]);
  }
  return selected;
}

}  // namespace

Status DropVanishedLabels(const storage::View& view, TrainingData* data, NgameModel* model) {
  std::vector<std::uint32_t> kept;
  std::vector<storage::Ordinal>& ordinals = data->label_ordinals;
  const auto labels = view.ScanRows(storage::EntityKind::kLabel);
  std::uint32_t next = 0;
  for (;;) {
    DASHI_ASSIGN_OR_RETURN(const bool more, labels->Next());
    if (!more) {
      break;
    }
    while (next < ordinals.size() && ordinals[next] < labels->ordinal()) {
      ++next;
    }
    if (next < ordinals.size() && ordinals[next] == labels->ordinal()) {
      kept.push_back(next++);
    }
  }
  if (kept.size() == ordinals.size()) {
    return Status();
  }
  if (kept.empty()) {
    return Status::FailedPrecondition("all labels that the training had were deleted meanwhile");
  }
  const std::size_t dim = model->classifiers.size() / ordinals.size();
  for (std::size_t row = 0; row < kept.size(); ++row) {
    ordinals[row] = ordinals[kept[row]];
    std::copy_n(model->classifiers.begin() + static_cast<std::ptrdiff_t>(kept[row] * dim), dim,
                model->classifiers.begin() + static_cast<std::ptrdiff_t>(row * dim));
  }
  ordinals.resize(kept.size());
  model->classifiers.resize(kept.size() * dim);
  if (model->ranker.num_labels() > 0) {
    model->ranker = SelectLabels(model->ranker, kept);
  }
  return Status();
}

}  // namespace dashi::trainer
