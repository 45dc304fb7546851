#pragma once

#include <cstdint>

#include <ATen/core/Tensor.h>

namespace dashi::trainer {

/// A matrix prepared as a factor of products: in float32 as it is, or rounded to bfloat16, on the
/// processor with its sides padded with zeros to multiples of 128. Batches differ a little in size,
/// and the library prepares (and keeps) code for every shape it meets: padding leaves it a handful.
class MatrixFactor {
 public:
  MatrixFactor(const at::Tensor& matrix, bool bfloat16);

  MatrixFactor Transposed() const;
  /// a b in float32.  Shape: a [m, k], b [k, n], result [m, n] contiguous.
  friend at::Tensor Product(const MatrixFactor& a, const MatrixFactor& b);

 private:
  MatrixFactor() = default;

  at::Tensor matrix_;  // [>= num_rows_, >= num_columns_]
  std::int64_t num_rows_ = 0;
  std::int64_t num_columns_ = 0;
};

at::Tensor Product(const MatrixFactor& a, const MatrixFactor& b);

}  // namespace dashi::trainer
