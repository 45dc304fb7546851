#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// Random inputs of the GPU's tests, and how results are compared.

inline at::Tensor NormalMatrix(std::size_t num_rows, std::size_t dim, Random& random) {
  at::Tensor matrix =
      at::empty({static_cast<std::int64_t>(num_rows), static_cast<std::int64_t>(dim)}, at::kFloat);
  auto* values = matrix.mutable_data_ptr<float>();
  for (std::size_t i = 0; i < num_rows * dim; ++i) {
    values[i] = static_cast<float>(random.Normal());
  }
  return matrix;
}

/// Rows of up to `size_max` distinct columns, some rows empty.
inline SparseRows RandomRows(std::size_t num_rows, std::uint32_t num_columns,
                             std::uint32_t size_max, bool weighted, Random& random) {
  SparseRows rows;
  for (std::size_t row = 0; row < num_rows; ++row) {
    std::set<std::uint32_t> columns;
    const std::uint64_t size = random.Uniform(std::min(size_max, num_columns) + 1);
    while (columns.size() < size) {
      columns.insert(static_cast<std::uint32_t>(random.Uniform(num_columns)));
    }
    for (const std::uint32_t column : columns) {
      rows.columns.push_back(column);
      if (weighted) {
        rows.values.push_back(0.1F + static_cast<float>(random.UniformReal()));
      }
    }
    rows.offsets.push_back(rows.columns.size());
  }
  return rows;
}

inline std::vector<float> Floats(const at::Tensor& tensor) {
  const at::Tensor host = tensor.to(at::kCPU).contiguous();
  const auto* data = host.const_data_ptr<float>();
  return std::vector<float>(data, data + host.numel());
}

/// |a - b| / |b|; |a| where b is zero.
inline double RelativeDistance(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double squared_distance = 0;
  double squared_length = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    squared_distance += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    squared_length += double{b[i]} * b[i];
  }
  return std::sqrt(squared_distance / (squared_length > 0 ? squared_length : 1.0));
}

/// Every entry within `tolerance` times the largest expected one.
inline void ExpectClose(const std::vector<float>& actual, const std::vector<float>& expected,
                        double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  double largest = 0;
  for (const float value : expected) {
    largest = std::max(largest, std::abs(double{value}));
  }
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], tolerance * largest) << "position " << i;
  }
}

}  // namespace dashi::trainer
