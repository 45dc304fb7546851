#include "trainer/torch/matrix_factor.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

namespace dashi::trainer {
namespace {

constexpr std::int64_t kPadding = 128;

std::int64_t Padded(std::int64_t size) { return (size + kPadding - 1) / kPadding * kPadding; }

at::Tensor RoundToBfloat16(const at::Tensor& matrix) {
  if (!matrix.is_cpu()) {
    return matrix.to(at::kBFloat16);
  }
  const std::int64_t num_rows = matrix.size(0);
  const std::int64_t num_columns = matrix.size(1);
  at::Tensor padded =
      at::empty({Padded(num_rows), Padded(num_columns)}, matrix.options().dtype(at::kBFloat16));
  padded.narrow(0, 0, num_rows).narrow(1, 0, num_columns).copy_(matrix);
  padded.narrow(0, num_rows, padded.size(0) - num_rows).zero_();
  padded.narrow(1, num_columns, padded.size(1) - num_columns).zero_();
  return padded;
}

}  // namespace

MatrixFactor::MatrixFactor(const at::Tensor& matrix, bool bfloat16)
    : matrix_(bfloat16 ? RoundToBfloat16(matrix) : matrix),
      num_rows_(matrix.size(0)),
      num_columns_(matrix.size(1)) {}

MatrixFactor MatrixFactor::Transposed() const {
  MatrixFactor result;
  result.matrix_ = matrix_.t();
  result.num_rows_ = num_columns_;
  result.num_columns_ = num_rows_;
  return result;
}

at::Tensor Product(const MatrixFactor& a, const MatrixFactor& b) {
  if (a.matrix_.scalar_type() == at::kFloat) {
    return at::mm(a.matrix_, b.matrix_);
  }
  if (!a.matrix_.is_cpu()) {
    return at::mm(a.matrix_, b.matrix_, at::kFloat);
  }
  const at::Tensor product = at::mm(a.matrix_, b.matrix_);
  return product.narrow(0, 0, a.num_rows_).narrow(1, 0, b.num_columns_).to(at::kFloat).contiguous();
}

}  // namespace dashi::trainer
