#include "trainer/torch/row_table.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "base/status.h"
#ifdef DASHI_CUDA
#include "trainer/torch/device_row_table.h"
#endif
#include "trainer/torch/tensor_state.h"

namespace dashi::trainer {
namespace {

// Rows of one unit of parallel work.
constexpr std::size_t kChunkRows = 64;

class ProcessorRowTable final : public RowTable {
 public:
  ProcessorRowTable(at::Tensor values, ThreadPool& pool)
      : RowTable(std::move(values)), dim_(static_cast<std::size_t>(values_.size(1))), pool_(pool) {}

  at::Tensor SumBags(const SparseRows& texts) const override {
    at::Tensor sums = at::empty({static_cast<std::int64_t>(texts.num_rows()), values_.size(1)},
                                values_.options());  // [num_texts, dim]
    const auto* table = values_.const_data_ptr<float>();
    auto* out = sums.mutable_data_ptr<float>();
    pool_.ParallelFor(texts.num_rows(), kChunkRows, [&](std::size_t begin, std::size_t end) {
      for (std::size_t text = begin; text < end; ++text) {
        const std::uint64_t first = texts.offsets[text];
        WeightedRowSum(table, dim_, texts.columns.data() + first,
                       texts.values.empty() ? nullptr : texts.values.data() + first,
                       texts.offsets[text + 1] - first, out + text * dim_);
      }
    });
    return sums;
  }

  at::Tensor BagGradient(const BatchTokens& batch, const at::Tensor& gradient) const override {
    at::Tensor rows = at::empty({static_cast<std::int64_t>(batch.tokens.size()), values_.size(1)},
                                values_.options());  // [num_tokens, dim]
    const auto* in = gradient.const_data_ptr<float>();
    auto* out = rows.mutable_data_ptr<float>();
    pool_.ParallelFor(batch.tokens.size(), kChunkRows, [&](std::size_t begin, std::size_t end) {
      for (std::size_t token = begin; token < end; ++token) {
        SumToken(batch, token, in, out + token * dim_);
      }
    });
    return rows;
  }

  void StepBags(const BatchTokens& batch, const at::Tensor& gradient, float rate) override {
    const AdamRates rates = BeginStep(rate);
    const Parameters parameters = Pointers();
    const auto* in = gradient.const_data_ptr<float>();
    pool_.ParallelFor(batch.tokens.size(), kChunkRows, [&](std::size_t begin, std::size_t end) {
      std::vector<float> sum(dim_);
      for (std::size_t token = begin; token < end; ++token) {
        SumToken(batch, token, in, sum.data());
        StepRow(rates, parameters, batch.tokens[token], sum.data());
      }
    });
  }

  void StepRows(std::span<const std::uint32_t> rows, const at::Tensor& gradient,
                float rate) override {
    const AdamRates rates = BeginStep(rate);
    const Parameters parameters = Pointers();
    const auto* in = gradient.const_data_ptr<float>();
    pool_.ParallelFor(rows.size(), kChunkRows, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        StepRow(rates, parameters, rows[i], in + i * dim_);
      }
    });
  }

 private:
  struct Parameters {
    float* values;
    float* first_moment;
    float* second_moment;
  };

  Parameters Pointers() {
    return {values_.mutable_data_ptr<float>(), first_moment_.mutable_data_ptr<float>(),
            second_moment_.mutable_data_ptr<float>()};
  }

  void SumToken(const BatchTokens& batch, std::size_t token, const float* gradient,
                float* out) const {
    const std::uint32_t first = batch.offsets[token];
    WeightedRowSum(gradient, dim_, batch.texts.data() + first, batch.weights.data() + first,
                   batch.offsets[token + 1] - first, out);
  }

  void StepRow(const AdamRates& rates, const Parameters& parameters, std::uint32_t row,
               const float* gradient) const {
    const std::size_t at = row * dim_;
    AdamRow(rates, gradient, dim_, parameters.values + at, parameters.first_moment + at,
            parameters.second_moment + at);
  }

  const std::size_t dim_;
  ThreadPool& pool_;
};

// The same with LibTorch's operators, on any device.
class PortableRowTable final : public RowTable {
 public:
  explicit PortableRowTable(at::Tensor values) : RowTable(std::move(values)) {}

  at::Tensor SumBags(const SparseRows& texts) const override {
    std::vector<std::uint32_t> owner(texts.columns.size());
    for (std::size_t text = 0; text < texts.num_rows(); ++text) {
      std::fill(owner.begin() + static_cast<std::ptrdiff_t>(texts.offsets[text]),
                owner.begin() + static_cast<std::ptrdiff_t>(texts.offsets[text + 1]),
                static_cast<std::uint32_t>(text));
    }
    at::Tensor rows = Gather(texts.columns);  // [num_entries, dim]
    if (!texts.values.empty()) {
      rows.mul_(Weights(texts.values));
    }
    at::Tensor sums = at::zeros({static_cast<std::int64_t>(texts.num_rows()), values_.size(1)},
                                values_.options());  // [num_texts, dim]
    return sums.index_add_(0, IndexTensor(owner, values_.device()), rows);
  }

  at::Tensor BagGradient(const BatchTokens& batch, const at::Tensor& gradient) const override {
    std::vector<std::uint32_t> owner(batch.texts.size());
    for (std::size_t token = 0; token < batch.tokens.size(); ++token) {
      std::fill(owner.begin() + batch.offsets[token], owner.begin() + batch.offsets[token + 1],
                static_cast<std::uint32_t>(token));
    }
    at::Tensor rows = gradient.index_select(0, IndexTensor(batch.texts, values_.device()));
    rows.mul_(Weights(batch.weights));  // [num_entries, dim]
    at::Tensor sums = at::zeros({static_cast<std::int64_t>(batch.tokens.size()), values_.size(1)},
                                values_.options());  // [num_tokens, dim]
    return sums.index_add_(0, IndexTensor(owner, values_.device()), rows);
  }

  void StepBags(const BatchTokens& batch, const at::Tensor& gradient, float rate) override {
    StepRows(batch.tokens, BagGradient(batch, gradient), rate);
  }

  void StepRows(std::span<const std::uint32_t> rows, const at::Tensor& gradient,
                float rate) override {
    const AdamRates rates = BeginStep(rate);
    const at::Tensor index = IndexTensor(rows, values_.device());
    at::Tensor first = first_moment_.index_select(0, index).mul_(rates.beta1);  // [num_rows, dim]
    first.add_(gradient, 1.0F - rates.beta1);
    at::Tensor second = second_moment_.index_select(0, index).mul_(rates.beta2);
    second.addcmul_(gradient, gradient, 1.0F - rates.beta2);  // [num_rows, dim]
    first_moment_.index_copy_(0, index, first);
    second_moment_.index_copy_(0, index, second);
    at::Tensor root = second.mul_(rates.correction2).sqrt_().add_(rates.epsilon);
    at::Tensor moved = values_.index_select(0, index);  // [num_rows, dim]
    moved.addcdiv_(first, root, -rates.rate * rates.correction1);
    values_.index_copy_(0, index, moved);
  }

 private:
  at::Tensor Weights(std::span<const float> weights) const {
    return at::from_blob(const_cast<float*>(weights.data()),
                         {static_cast<std::int64_t>(weights.size()), 1}, at::kFloat)
        .to(values_.device(), /*non_blocking=*/false, /*copy=*/true);  // [num_entries, 1]
  }
};

}  // namespace

std::unique_ptr<RowTable> RowTable::Make(at::Tensor values, bool portable, ThreadPool& pool) {
#ifdef DASHI_CUDA
  if (!portable && values.is_cuda()) {
    return MakeDeviceRowTable(std::move(values));
  }
#endif
  if (portable || !values.is_cpu()) {
    return std::make_unique<PortableRowTable>(std::move(values));
  }
  return std::make_unique<ProcessorRowTable>(std::move(values), pool);
}

RowTable::RowTable(at::Tensor values) : values_(std::move(values)) {}

void RowTable::Reset(at::Tensor values) {
  values_ = std::move(values);
  ResetOptimizer();
}

void RowTable::ResetOptimizer() {
  first_moment_.reset();
  second_moment_.reset();
  num_steps_ = 0;
}

Status RowTable::Save(StateWriter& to, const std::string& prefix) const {
  DASHI_RETURN_IF_ERROR(SaveTensor(to, prefix + "/values", values_));
  DASHI_RETURN_IF_ERROR(SaveTensor(to, prefix + "/first_moment", first_moment_));
  DASHI_RETURN_IF_ERROR(SaveTensor(to, prefix + "/second_moment", second_moment_));
  return SaveCounter(to, prefix + "/steps", num_steps_);
}

Status RowTable::Load(const StateReader& from, const std::string& prefix) {
  at::Tensor values;
  DASHI_RETURN_IF_ERROR(LoadTensor(from, prefix + "/values", values_, &values));
  if (!values.defined()) {
    return Status::Corruption("a checkpoint has no " + prefix + "/values");
  }
  DASHI_RETURN_IF_ERROR(LoadTensor(from, prefix + "/first_moment", values_, &first_moment_));
  DASHI_RETURN_IF_ERROR(LoadTensor(from, prefix + "/second_moment", values_, &second_moment_));
  values_ = std::move(values);
  return LoadCounter(from, prefix + "/steps", &num_steps_);
}

at::Tensor RowTable::Gather(std::span<const std::uint32_t> rows) const {
  return values_.index_select(0, IndexTensor(rows, values_.device()));
}

AdamRates RowTable::BeginStep(float rate) {
  if (!first_moment_.defined()) {
    first_moment_ = at::zeros_like(values_);   // [rows, dim]
    second_moment_ = at::zeros_like(values_);  // [rows, dim]
  }
  ++num_steps_;
  AdamRates rates;
  rates.rate = rate;
  const auto steps = static_cast<double>(num_steps_);
  rates.correction1 = static_cast<float>(1.0 / (1.0 - std::pow(double{rates.beta1}, steps)));
  rates.correction2 = static_cast<float>(1.0 / (1.0 - std::pow(double{rates.beta2}, steps)));
  return rates;
}

at::Tensor IndexTensor(std::span<const std::uint32_t> rows, at::Device device) {
  at::Tensor index = at::empty({static_cast<std::int64_t>(rows.size())},
                               at::TensorOptions(at::kLong).pinned_memory(device.is_cuda()));
  std::copy(rows.begin(), rows.end(), index.mutable_data_ptr<std::int64_t>());
  return index.to(device, /*non_blocking=*/true);
}

}  // namespace dashi::trainer
