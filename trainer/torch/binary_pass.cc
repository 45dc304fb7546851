#include "trainer/torch/binary_pass.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "base/status.h"
#include "trainer/torch/matrix_factor.h"
#include "trainer/torch/residual_block.h"

namespace dashi::trainer {
namespace {

constexpr std::int64_t kProcessorChunk = 2048;
constexpr std::int64_t kDeviceChunk = 16'384;
constexpr std::size_t kChunksAtOnce = 8;  // on the processor
constexpr float kNever = -1e30F;          // the logit of a masked entry

/// Entries of SparseRows that lie in one chunk of columns.
struct Entries {
  at::Tensor rows;     // [num_entries] int64
  at::Tensor columns;  // [num_entries] int64, from the chunk's first
};

at::Tensor IntegerTensor(const std::vector<std::int64_t>& numbers, at::Device device) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(numbers.size())}, at::kLong);
  std::copy(numbers.begin(), numbers.end(), tensor.mutable_data_ptr<std::int64_t>());
  return tensor.to(device);
}

/// The entries by chunk of `chunk_size` columns.
std::vector<Entries> SplitByChunk(const SparseRows& matrix, std::int64_t num_chunks,
                                  std::int64_t chunk_size, at::Device device) {
  std::vector<std::vector<std::int64_t>> rows(static_cast<std::size_t>(num_chunks));
  std::vector<std::vector<std::int64_t>> columns(rows.size());
  for (std::size_t row = 0; row < matrix.num_rows(); ++row) {
    for (std::uint64_t i = matrix.offsets[row]; i < matrix.offsets[row + 1]; ++i) {
      const std::int64_t column = matrix.columns[i];
      const auto chunk = static_cast<std::size_t>(column / chunk_size);
      rows[chunk].push_back(static_cast<std::int64_t>(row));
      columns[chunk].push_back(column % chunk_size);
    }
  }
  std::vector<Entries> entries;
  for (std::size_t chunk = 0; chunk < rows.size(); ++chunk) {
    entries.push_back({IntegerTensor(rows[chunk], device), IntegerTensor(columns[chunk], device)});
  }
  return entries;
}

/// What a chunk of labels adds for each row.
struct ChunkResult {
  at::Tensor gradient;       // [num_rows, dim]
  at::Tensor loss;           // [], the sum of all rows
  at::Tensor best;           // [num_rows], the largest logit
  at::Tensor best_positive;  // [num_rows], of positives
  Status status;
};

class Pass {
 public:
  Pass(const LossOptions& loss, const at::Tensor& rows, const PassOptions& options, float rate)
      : loss_(loss),
        rows_(rows),
        factor_(rows, options.bfloat16),
        bfloat16_(options.bfloat16),
        rate_(rate) {
    if (!options.row_weights.empty()) {
      weights_ = WeightColumn(options.row_weights, rows.device());
    }
  }

  /// Steps `labels`, the chunk's.
  ChunkResult Run(at::Tensor labels, const Entries& positives, const Entries& masked) const {
    const UnitRows unit = Normalize(labels);  // [size, dim]
    const MatrixFactor columns(unit.rows, bfloat16_);
    at::Tensor logits = Product(factor_, columns.Transposed())
                            .div_(loss_.temperature)
                            .add_(loss_.bias);  // [num_rows, size]
    logits.index_put_({masked.rows, masked.columns}, at::full({}, kNever, logits.options()));
    const at::Tensor positive_logits =
        logits.index({positives.rows, positives.columns});  // [num_positives]
    ChunkResult result;
    result.loss = at::softplus(logits).sum() - positive_logits.sum();
    result.best = logits.amax(1);
    result.best_positive = at::full({rows_.size(0)}, kNever, logits.options());
    result.best_positive.scatter_reduce_(0, positives.rows, positive_logits, "amax");
    at::Tensor slope = logits.sigmoid_();  // The loss's own derivative is never written down.
    slope.index_put_({positives.rows, positives.columns}, at::full({}, -1.0F, slope.options()),
                     /*accumulate=*/true);
    slope.mul_(1.0F / (loss_.temperature * static_cast<float>(rows_.size(0))));
    if (weights_.defined()) {
      slope.mul_(weights_);
    }
    const MatrixFactor left(slope, bfloat16_);
    result.gradient = Product(left, columns);
    const float scale = rate_ * static_cast<float>(rows_.size(0));
    labels.sub_(NormalizeGradient(unit, Product(left.Transposed(), factor_)).mul_(scale));
    return result;
  }

 private:
  const LossOptions& loss_;
  const at::Tensor& rows_;
  const MatrixFactor factor_;
  const bool bfloat16_;
  const float rate_;
  at::Tensor weights_;  // [num_rows, 1], where rows have weights
};

}  // namespace

Result<VectorGradient> BinaryPass(const LossOptions& loss, const at::Tensor& rows,
                                  const at::Tensor& labels, const SparseRows& positives,
                                  const SparseRows& masked, float rate, const PassOptions& options,
                                  ThreadPool& pool) {
  const at::NoGradGuard no_gradient;
  const std::int64_t chunk_size = rows.is_cpu() ? kProcessorChunk : kDeviceChunk;
  const std::int64_t num_labels = labels.size(0);
  const std::int64_t num_chunks = (num_labels + chunk_size - 1) / chunk_size;
  const std::vector<Entries> chunk_positives =
      SplitByChunk(positives, num_chunks, chunk_size, rows.device());
  const std::vector<Entries> chunk_masked =
      SplitByChunk(masked, num_chunks, chunk_size, rows.device());
  const Pass pass(loss, rows, options, rate);
  VectorGradient sum;
  sum.rows = at::zeros_like(rows);
  at::Tensor total = at::zeros({}, rows.options());
  at::Tensor best = at::full({rows.size(0)}, kNever, rows.options());           // [num_rows]
  at::Tensor best_positive = at::full({rows.size(0)}, kNever, rows.options());  // [num_rows]
  const std::size_t at_once = rows.is_cpu() ? kChunksAtOnce : 1;
  const auto chunks = static_cast<std::size_t>(num_chunks);
  for (std::size_t first = 0; first < chunks; first += at_once) {
    std::vector<ChunkResult> results(std::min(at_once, chunks - first));
    pool.ParallelFor(results.size(), 1, [&](std::size_t begin, std::size_t end) {
      at::set_num_threads(1);
      const at::NoGradGuard no_gradient_here;
      for (std::size_t i = begin; i < end; ++i) {
        results[i].status = CatchAsStatus("one-against-all loss", [&] {
          const auto label = static_cast<std::int64_t>(first + i) * chunk_size;
          results[i] = pass.Run(labels.narrow(0, label, std::min(chunk_size, num_labels - label)),
                                chunk_positives[first + i], chunk_masked[first + i]);
        });
      }
    });
    for (ChunkResult& result : results) {
      DASHI_RETURN_IF_ERROR(std::move(result.status));
      sum.rows.add_(result.gradient);
      total.add_(result.loss);
      best = at::maximum(best, result.best);
      best_positive = at::maximum(best_positive, result.best_positive);
    }
  }
  const auto num_positive_rows =
      static_cast<double>(std::max<std::uint64_t>(1, NumPositiveRows(positives)));
  const at::Tensor top1 = (best_positive.gt(kNever / 2) * best_positive.ge(best)).sum();
  sum.summary = at::stack({total / static_cast<double>(std::max<std::int64_t>(1, rows.size(0))),
                           top1.to(at::kFloat) / num_positive_rows});
  return sum;
}

}  // namespace dashi::trainer
