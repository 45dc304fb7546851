#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "base/status.h"
#include "trainer/torch/contrastive_loss.h"
#ifdef DASHI_CUDA
#include "trainer/torch/fused_loss.h"
#endif
#include "trainer/torch/matrix_factor.h"
#include "trainer/torch/tensor_errors.h"

namespace dashi::trainer {
namespace {

// A multiple of the padding of MatrixFactor.
constexpr std::size_t kBlockRows = 256;

SparseRows Slice(const SparseRows& rows, std::size_t begin, std::size_t end) {
  SparseRows slice;
  const std::uint64_t first = rows.offsets[begin];
  for (std::size_t row = begin; row < end; ++row) {
    slice.offsets.push_back(rows.offsets[row + 1] - first);
  }
  slice.columns.assign(rows.columns.begin() + static_cast<std::ptrdiff_t>(first),
                       rows.columns.begin() + static_cast<std::ptrdiff_t>(rows.offsets[end]));
  return slice;
}

// What a loss is the mean over: pairs of kTriplet, rows with positives of the others.
double NumTerms(LossKind kind, const SparseRows& positives) {
  return static_cast<double>(kind == LossKind::kTriplet ? positives.columns.size()
                                                        : NumPositiveRows(positives));
}

struct Block {
  float loss = 0;
  float top1 = 0;
  at::Tensor columns;  // [num_columns, dim]
  Status status;
};

// All rows at once, on the device that they are on.
VectorGradient WholePass(const LossOptions& options, const at::Tensor& rows,
                         const at::Tensor& columns, const SparseRows& positives,
                         const SparseRows& masked, const PassOptions& pass) {
  const MatrixFactor left(rows, pass.bfloat16);
  const MatrixFactor right(columns, pass.bfloat16);
  const at::Tensor scores = Product(left, right.Transposed());  // [num_rows, num_columns]
  LossGradient loss;
#ifdef DASHI_CUDA
  if (!pass.portable && HasFusedLoss(options, scores)) {
    loss = FusedContrastiveLoss(options, scores, positives, masked);
  }
#endif
  if (!loss.gradient.defined()) {
    loss = ContrastiveLoss(options, scores, positives, masked);
  }
  if (!pass.row_weights.empty()) {
    loss.gradient.mul_(WeightColumn(pass.row_weights, loss.gradient.device()));
  }
  const MatrixFactor slope(loss.gradient, pass.bfloat16);
  return {loss.summary, Product(slope, right), Product(slope.Transposed(), left)};
}

Result<VectorGradient> BlockedPass(const LossOptions& options, const at::Tensor& rows,
                                   const at::Tensor& columns, const SparseRows& positives,
                                   const SparseRows& masked, const PassOptions& pass,
                                   ThreadPool& pool) {
  VectorGradient result;
  result.rows = at::empty_like(rows);        // [num_rows, dim]
  result.columns = at::zeros_like(columns);  // [num_columns, dim]
  const double num_terms = std::max(1.0, NumTerms(options.kind, positives));
  const double num_rows = std::max(1.0, NumTerms(LossKind::kSoftmax, positives));
  const MatrixFactor right(columns, pass.bfloat16);
  std::vector<Block> blocks((positives.num_rows() + kBlockRows - 1) / kBlockRows);
  pool.ParallelFor(blocks.size(), 1, [&](std::size_t first, std::size_t last) {
    at::set_num_threads(1);
    for (std::size_t i = first; i < last; ++i) {
      Block& block = blocks[i];
      block.status = CatchTensorErrors("contrastive loss", [&] {
        const std::size_t begin = i * kBlockRows;
        const std::size_t end = std::min(positives.num_rows(), begin + kBlockRows);
        const auto offset = static_cast<std::int64_t>(begin);
        const auto size = static_cast<std::int64_t>(end - begin);
        const MatrixFactor left(rows.narrow(0, offset, size), pass.bfloat16);
        const SparseRows own_positives = Slice(positives, begin, end);
        const LossGradient loss = ContrastiveLoss(options, Product(left, right.Transposed()),
                                                  own_positives, Slice(masked, begin, end));
        const double share = NumTerms(options.kind, own_positives) / num_terms;
        if (!pass.row_weights.empty()) {
          loss.gradient.mul_(WeightColumn(pass.row_weights.subspan(begin, end - begin), at::kCPU));
        }
        const MatrixFactor slope(loss.gradient, pass.bfloat16);  // [size, num_columns]
        result.rows.narrow(0, offset, size).copy_(Product(slope, right).mul_(share));
        block.columns = Product(slope.Transposed(), left).mul_(share);
        const auto* summary = loss.summary.const_data_ptr<float>();
        block.loss = static_cast<float>(summary[0] * share);
        block.top1 =
            static_cast<float>(summary[1] * NumTerms(LossKind::kSoftmax, own_positives) / num_rows);
      });
    }
  });
  result.summary = at::zeros({2}, at::kFloat);
  auto* summary = result.summary.mutable_data_ptr<float>();
  for (Block& block : blocks) {
    DASHI_RETURN_IF_ERROR(std::move(block.status));
    summary[0] += block.loss;
    summary[1] += block.top1;
    result.columns.add_(block.columns);
  }
  return result;
}

}  // namespace

at::Tensor WeightColumn(std::span<const float> weights, const at::Device& device) {
  at::Tensor column = at::empty({static_cast<std::int64_t>(weights.size()), 1}, at::kFloat);
  std::copy(weights.begin(), weights.end(), column.mutable_data_ptr<float>());
  return column.to(device);
}

Result<VectorGradient> ContrastivePass(const LossOptions& loss, const at::Tensor& rows,
                                       const at::Tensor& columns, const SparseRows& positives,
                                       const SparseRows& masked, const PassOptions& options,
                                       ThreadPool& pool) {
  if (rows.is_cpu()) {
    return BlockedPass(loss, rows, columns, positives, masked, options, pool);
  }
  return WholePass(loss, rows, columns, positives, masked, options);
}

}  // namespace dashi::trainer
