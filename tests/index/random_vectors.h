#pragma once

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.h"
#include "index/vector_index.h"
#include "index/vector_kernels.h"

namespace dashi::index {

/// Shape: [rows, dim].
inline std::vector<float> GaussianRows(std::size_t rows, std::size_t dim, Random& random) {
  std::vector<float> values(rows * dim);
  for (float& value : values) {
    value = static_cast<float>(random.Normal());
  }
  return values;
}

/// Unit vectors around random centres, as trained embeddings are.  Shape: [rows, dim].
inline std::vector<float> ClusteredRows(std::size_t rows, std::size_t dim, std::size_t num_centres,
                                        float spread, Random& random) {
  const std::vector<float> centres = GaussianRows(num_centres, dim, random);
  std::vector<float> values = GaussianRows(rows, dim, random);
  for (std::size_t r = 0; r < rows; ++r) {
    float* row = values.data() + r * dim;
    const float* centre = centres.data() + random.Uniform(num_centres) * dim;
    for (std::size_t i = 0; i < dim; ++i) {
      row[i] = centre[i] + spread * row[i];
    }
    NormalizeInPlace(row, dim);
  }
  return values;
}

inline std::vector<std::uint16_t> HalfRows(const std::vector<float>& values) {
  std::vector<std::uint16_t> halves(values.size());
  ToHalf(values.data(), halves.data(), values.size());
  return halves;
}

/// Fraction of the true answers that were found, by position.
inline double Recall(const std::vector<Shortlist>& found, const std::vector<Shortlist>& truth) {
  std::size_t hits = 0;
  std::size_t wanted = 0;
  for (std::size_t q = 0; q < truth.size(); ++q) {
    wanted += truth[q].size();
    for (const Candidate& answer : truth[q]) {
      for (const Candidate& candidate : found[q]) {
        hits += candidate.position == answer.position ? 1 : 0;
      }
    }
  }
  return wanted == 0 ? 1.0 : static_cast<double>(hits) / static_cast<double>(wanted);
}

inline void ExpectSorted(const Shortlist& found) {
  for (std::size_t i = 1; i < found.size(); ++i) {
    ASSERT_TRUE(found[i - 1].score > found[i].score || (found[i - 1].score == found[i].score &&
                                                        found[i - 1].position < found[i].position));
  }
}

}  // namespace dashi::index
