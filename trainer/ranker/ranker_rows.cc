#include "trainer/ranker/ranker_rows.h"

#include "index/vector_kernels.h"

namespace dashi::trainer {

SparseRankerWeights LabelTextRows(const SparseRows& label_features) {
  SparseRankerWeights rows;
  rows.offsets = label_features.offsets.ToVector();
  rows.features = label_features.columns.ToVector();
  rows.weights.resize(label_features.values.size());
  index::ToHalf(label_features.values.data(), rows.weights.data(), rows.weights.size());
  rows.biases.resize(label_features.num_rows());
  return rows;
}

SparseRankerWeights SelectRankerRows(const SparseRankerWeights& weights,
                                     std::span<const std::uint32_t> rows) {
  SparseRankerWeights selected;
  selected.word_candidates = weights.word_candidates;
  for (const std::uint32_t row : rows) {
    if (row != kNoRankerRow) {
      const auto first = static_cast<std::ptrdiff_t>(weights.offsets[row]);
      const auto last = static_cast<std::ptrdiff_t>(weights.offsets[row + std::size_t{1}]);
      selected.features.insert(selected.features.end(), weights.features.begin() + first,
                               weights.features.begin() + last);
      selected.weights.insert(selected.weights.end(), weights.weights.begin() + first,
                              weights.weights.begin() + last);
    }
    selected.biases.push_back(row == kNoRankerRow ? 0.0F : weights.biases[row]);
    selected.offsets.push_back(selected.features.size());
  }
  return selected;
}

}  // namespace dashi::trainer
