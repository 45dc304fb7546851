#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>
#include <fmt/format.h>
#include <torch/headeronly/version.h>

#include "base/status.h"
#include "base/thread_pool.h"
#include "trainer/bag_module.h"
#include "trainer/torch/contrastive_loss.h"
#ifdef DASHI_CUDA
#include "trainer/torch/cuda_device.h"
#endif
#include "trainer/torch/device_choice.h"
#include "trainer/torch/tensor_errors.h"
#include "trainer/torch/torch_bag_module.h"
#include "trainer/torch/torch_transformer_module.h"

namespace dashi::trainer {
namespace {

// Rows of one unit of parallel work in a matrix product.
constexpr std::size_t kBlockRows = 128;

class TorchBackend final : public TensorBackend {
 public:
  Result<std::unique_ptr<BagModule>> NewBagModule(const BagModuleOptions& options) override {
    return MakeTorchBagModule(options);
  }

  Result<std::unique_ptr<TransformerModule>> NewTransformerModule(
      const TransformerModuleOptions& options, const TransformerWeights& weights) override {
    return MakeTorchTransformerModule(options, weights);
  }

  Status MultiplyTransposed(const float* a, std::size_t num_rows, const float* b,
                            std::size_t num_columns, std::size_t dim, int num_threads,
                            float* out) override {
    ThreadPool pool(num_threads);
    std::vector<Status> statuses((num_rows + kBlockRows - 1) / kBlockRows);
    pool.ParallelFor(num_rows, kBlockRows, [&](std::size_t begin, std::size_t end) {
      at::set_num_threads(1);
      statuses[begin / kBlockRows] = CatchTensorErrors("matrix product", [&] {
        const auto inner = static_cast<std::int64_t>(dim);
        const auto rows = static_cast<std::int64_t>(end - begin);
        const auto columns = static_cast<std::int64_t>(num_columns);
        const at::Tensor left =
            at::from_blob(const_cast<float*>(a + begin * dim), {rows, inner}, at::kFloat);
        const at::Tensor right = at::from_blob(const_cast<float*>(b), {columns, inner}, at::kFloat);
        at::Tensor product = at::from_blob(out + begin * num_columns, {rows, columns}, at::kFloat);
        at::mm_out(product, left, right.t());
      });
    });
    for (Status& status : statuses) {
      DASHI_RETURN_IF_ERROR(std::move(status));
    }
    return Status();
  }

  Result<ScoreLoss> EvaluateLoss(const LossOptions& options, std::span<const float> scores,
                                 const SparseRows& positives, const SparseRows& masked) override {
    const std::size_t num_rows = positives.num_rows();
    if (num_rows == 0 || scores.size() % num_rows != 0 || masked.num_rows() != num_rows) {
      return Status::InvalidArgument(
          fmt::format("scores shape mismatch: got {} numbers, {} rows of positives, {} masked",
                      scores.size(), num_rows, masked.num_rows()));
    }
    if (options.kind == LossKind::kBinary) {
      return Status::InvalidArgument("the binary loss is the classifier stage's alone");
    }
    const std::size_t num_columns = scores.size() / num_rows;
    for (const SparseRows* rows : {&positives, &masked}) {
      if (std::any_of(rows->columns.begin(), rows->columns.end(),
                      [&](std::uint32_t column) { return column >= num_columns; })) {
        return Status::InvalidArgument(
            fmt::format("a positive or masked column is not below {}", num_columns));
      }
    }
    return CatchTensorErrors("loss", [&]() -> Result<ScoreLoss> {
      at::Tensor matrix =
          at::empty({static_cast<std::int64_t>(num_rows), static_cast<std::int64_t>(num_columns)},
                    at::kFloat);  // [num_rows, num_columns]
      std::copy(scores.begin(), scores.end(), matrix.mutable_data_ptr<float>());
      const LossGradient loss = ContrastiveLoss(options, matrix, positives, masked);
      ScoreLoss result;
      const auto* summary = loss.summary.const_data_ptr<float>();
      result.loss = summary[0];
      result.top1 = summary[1];
      const auto* gradient = loss.gradient.const_data_ptr<float>();
      result.gradient.assign(gradient, gradient + scores.size());
      return result;
    });
  }

  Result<std::optional<std::uint64_t>> FreeDeviceBytes(const std::string& name) override {
    return CatchTensorErrors("free memory", [&]() -> Result<std::optional<std::uint64_t>> {
      DASHI_ASSIGN_OR_RETURN([[maybe_unused]] const at::Device device, ChooseDevice(name));
#ifdef DASHI_CUDA
      if (device.is_cuda()) {
        return std::optional<std::uint64_t>(FreeBytes(device));
      }
#endif
      return std::optional<std::uint64_t>();
    });
  }

  std::string version() const override { return "LibTorch " TORCH_VERSION; }
};

}  // namespace
}  // namespace dashi::trainer

extern "C" __attribute__((visibility("default"))) dashi::trainer::TensorBackend*
dashi_tensor_backend(std::uint32_t abi_version) {
  static dashi::trainer::TorchBackend backend;
  return abi_version == dashi::trainer::kTensorBackendAbi ? &backend : nullptr;
}
