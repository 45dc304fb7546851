#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "base/random.h"
#include "index/vector_kernels.h"
#include "trainer/balanced_tree.h"

namespace dashi::trainer {

/// Unit vectors around `num_groups` random directions; row i belongs to group i % num_groups.
/// Shape: returns [num_rows, dim] binary16.
inline std::vector<std::uint16_t> GroupedVectors(std::size_t num_rows, std::size_t dim,
                                                 std::size_t num_groups, double noise,
                                                 std::uint64_t seed) {
  Random random(seed);
  std::vector<float> centers(num_groups * dim);
  for (float& value : centers) {
    value = static_cast<float>(random.Normal());
  }
  std::vector<std::uint16_t> rows(num_rows * dim);
  std::vector<float> row(dim);
  for (std::size_t i = 0; i < num_rows; ++i) {
    for (std::size_t j = 0; j < dim; ++j) {
      row[j] = centers[i % num_groups * dim + j] + static_cast<float>(noise * random.Normal());
    }
    index::NormalizeInPlace(row.data(), dim);
    index::ToHalf(row.data(), rows.data() + i * dim, dim);
  }
  return rows;
}

/// Mean similarity of rows to the directions of their leaves.
inline double MeanSimilarity(const std::vector<std::uint16_t>& vectors, std::size_t dim,
                             const BalancedClusters& clusters) {
  double total = 0;
  for (std::size_t leaf = 0; leaf + 1 < clusters.offsets.size(); ++leaf) {
    std::vector<float> sum(dim, 0.0F);
    for (std::uint32_t i = clusters.offsets[leaf]; i < clusters.offsets[leaf + 1]; ++i) {
      index::AddScaledHalf(1.0F, vectors.data() + clusters.rows[i] * dim, sum.data(), dim);
    }
    // The similarities of a leaf to its mean direction add up to the length of its sum.
    total += std::sqrt(index::Dot(sum.data(), sum.data(), dim));
  }
  return total / static_cast<double>(clusters.rows.size());
}

}  // namespace dashi::trainer
