#include "trainer/positives/positive_weights.h"

#include <algorithm>
#include <cstdint>

#include "trainer/evaluation/metrics.h"
#include "trainer/validation.h"

namespace dashi::trainer {

std::vector<float> PropensityWeights(const SparseRows& relevance, std::size_t num_labels) {
  const std::vector<std::uint64_t> counts = CountLabels(relevance, num_labels);
  const std::vector<double> inverse =
      InversePropensities(counts, relevance.num_rows(), PropensityModel());
  double sum = 0;
  for (std::size_t label = 0; label < num_labels; ++label) {
    sum += static_cast<double>(counts[label]) * inverse[label];
  }
  const double num_pairs = std::max(1.0, static_cast<double>(relevance.columns.size()));
  const double mean = sum > 0 ? sum / num_pairs : 1;
  std::vector<float> weights;
  weights.reserve(num_labels);
  for (const double one : inverse) {
    weights.push_back(static_cast<float>(one / mean));
  }
  return weights;
}

}  // namespace dashi::trainer
