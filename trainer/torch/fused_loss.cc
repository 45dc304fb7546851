#include "trainer/torch/fused_loss.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#include "trainer/torch/cuda/device_loss.h"
#include "trainer/torch/packed_upload.h"

namespace dashi::trainer {

bool HasFusedLoss(const LossOptions& options, const at::Tensor& scores) {
  if (!scores.is_cuda()) {
    return false;
  }
  return options.kind == LossKind::kSoftmax ||
         (options.num_negatives > 0 && options.num_negatives <= kDeviceNegativesMax &&
          options.num_positives > 0 && options.num_positives <= kDevicePositivesMax);
}

LossGradient FusedContrastiveLoss(const LossOptions& options, const at::Tensor& scores,
                                  const SparseRows& positives, const SparseRows& masked) {
  const at::Tensor in = scores.contiguous();  // [num_rows, num_columns]
  const UploadedColumns columns = Upload(positives, masked, in.device());
  LossGradient result;
  result.gradient = at::empty_like(in);                        // [num_rows, num_columns]
  result.summary = at::empty({2}, in.options());               // [2]
  at::Tensor work = at::empty({in.size(0), 2}, in.options());  // [num_rows, 2]
  DeviceLoss loss;
  loss.options = options;
  loss.scores = in.const_data_ptr<float>();
  loss.num_rows = static_cast<std::size_t>(in.size(0));
  loss.num_columns = static_cast<std::size_t>(in.size(1));
  loss.positives = columns.positives;
  loss.masked = columns.masked;
  loss.num_positives = positives.columns.size();
  loss.num_positive_rows = NumPositiveRows(positives);
  loss.gradient = result.gradient.mutable_data_ptr<float>();
  loss.row_results = work.mutable_data_ptr<float>();
  loss.summary = result.summary.mutable_data_ptr<float>();
  C10_CUDA_CHECK(DeviceContrastiveLoss(loss, c10::cuda::getCurrentCUDAStream()));
  return result;
}

}  // namespace dashi::trainer
