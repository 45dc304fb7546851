#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros_like.h>

#include "base/status.h"
#include "trainer/torch/contrastive_loss.h"
#include "trainer/torch/matrix_factor.h"

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
  if (kind == LossKind::kTriplet) {
    return static_cast<double>(positives.columns.size());
  }
  double num_rows = 0;
  for (std::size_t row = 0; row < positives.num_rows(); ++row) {
    num_rows += positives.offsets[row] < positives.offsets[row + 1] ? 1 : 0;
  }
  return num_rows;
}

struct Block {
  float loss = 0;
  float top1 = 0;
  at::Tensor columns;  // [num_columns, dim]
  Status status;
};

}  // namespace

Result<VectorGradient> ContrastivePass(const LossOptions& options, const at::Tensor& rows,
                                       const at::Tensor& columns, const SparseRows& positives,
                                       const SparseRows& masked, bool bfloat16, ThreadPool& pool) {
  VectorGradient result;
  result.rows = at::empty_like(rows);        // [num_rows, dim]
  result.columns = at::zeros_like(columns);  // [num_columns, dim]
  const double num_terms = std::max(1.0, NumTerms(options.kind, positives));
  const double num_rows = std::max(1.0, NumTerms(LossKind::kSoftmax, positives));
  const MatrixFactor right(columns, bfloat16);
  std::vector<Block> blocks((positives.num_rows() + kBlockRows - 1) / kBlockRows);
  pool.ParallelFor(blocks.size(), 1, [&](std::size_t first, std::size_t last) {
    at::set_num_threads(1);
    for (std::size_t i = first; i < last; ++i) {
      Block& block = blocks[i];
      block.status = CatchAsStatus("contrastive loss", [&] {
        const std::size_t begin = i * kBlockRows;
        const std::size_t end = std::min(positives.num_rows(), begin + kBlockRows);
        const auto offset = static_cast<std::int64_t>(begin);
        const auto size = static_cast<std::int64_t>(end - begin);
        const MatrixFactor left(rows.narrow(0, offset, size), bfloat16);
        const SparseRows own_positives = Slice(positives, begin, end);
        const LossGradient loss = ContrastiveLoss(options, Product(left, right.Transposed()),
                                                  own_positives, Slice(masked, begin, end));
        const double share = NumTerms(options.kind, own_positives) / num_terms;
        const MatrixFactor slope(loss.gradient, bfloat16);  // [size, num_columns]
        result.rows.narrow(0, offset, size).copy_(Product(slope, right).mul_(share));
        block.columns = Product(slope.Transposed(), left).mul_(share);
        block.loss = static_cast<float>(loss.loss * share);
        block.top1 =
            static_cast<float>(loss.top1 * NumTerms(LossKind::kSoftmax, own_positives) / num_rows);
      });
    }
  });
  for (Block& block : blocks) {
    DASHI_RETURN_IF_ERROR(std::move(block.status));
    result.loss += block.loss;
    result.top1 += block.top1;
    result.columns.add_(block.columns);
  }
  return result;
}

}  // namespace dashi::trainer
