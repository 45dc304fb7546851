#include "trainer/torch/device_row_table.h"

#include <utility>
#include <vector>

#include <ATen/ops/empty.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#include "trainer/torch/cuda/device_rows.h"
#include "trainer/torch/packed_upload.h"

namespace dashi::trainer {
namespace {

class DeviceRowTable final : public RowTable {
 public:
  explicit DeviceRowTable(at::Tensor values) : RowTable(std::move(values)) {}

  at::Tensor SumBags(const SparseRows& texts) const override {
    const UploadedRows uploaded = Upload(texts, values_.device());
    return SumLists(uploaded.lists, values_);
  }

  at::Tensor BagGradient(const BatchTokens& batch, const at::Tensor& gradient) const override {
    const UploadedTokens uploaded = Upload(batch, values_.device());
    return SumLists(uploaded.lists, gradient.contiguous());
  }

  void StepBags(const BatchTokens& batch, const at::Tensor& gradient, float rate) override {
    const UploadedTokens uploaded = Upload(batch, values_.device());
    const AdamRates rates = BeginStep(rate);
    const at::Tensor in = gradient.contiguous();
    C10_CUDA_CHECK(DeviceStepLists(rates, uploaded.lists, uploaded.tokens,
                                   in.const_data_ptr<float>(), Parameters(),
                                   c10::cuda::getCurrentCUDAStream()));
  }

  void StepRows(std::span<const std::uint32_t> rows, const at::Tensor& gradient,
                float rate) override {
    PackedUpload upload;
    const std::size_t place = upload.Add(rows);
    upload.Send(values_.device());
    const AdamRates rates = BeginStep(rate);
    const at::Tensor in = gradient.contiguous();
    C10_CUDA_CHECK(DeviceStepRows(rates, upload.At<std::uint32_t>(place), rows.size(),
                                  in.const_data_ptr<float>(), Parameters(),
                                  c10::cuda::getCurrentCUDAStream()));
  }

 private:
  template <typename Offset>
  at::Tensor SumLists(const DeviceLists<Offset>& lists, const at::Tensor& table) const {
    at::Tensor sums = at::empty({static_cast<std::int64_t>(lists.num_lists), values_.size(1)},
                                values_.options());  // [num_lists, dim]
    C10_CUDA_CHECK(DeviceSumLists(lists, table.const_data_ptr<float>(), Dim(), DeviceSumOptions(),
                                  sums.mutable_data_ptr<float>(),
                                  c10::cuda::getCurrentCUDAStream()));
    return sums;
  }

  std::size_t Dim() const { return static_cast<std::size_t>(values_.size(1)); }

  DeviceParameters Parameters() {
    return {values_.mutable_data_ptr<float>(), first_moment_.mutable_data_ptr<float>(),
            second_moment_.mutable_data_ptr<float>(), Dim()};
  }
};

}  // namespace

std::unique_ptr<RowTable> MakeDeviceRowTable(at::Tensor values) {
  return std::make_unique<DeviceRowTable>(std::move(values));
}

void AddRowsAt(std::span<const std::uint32_t> texts, const at::Tensor& rows, float scale,
               at::Tensor* to) {
  // The rows of each text, by counting.
  std::vector<std::uint32_t> offsets(static_cast<std::size_t>(to->size(0)) + 1, 0);
  for (const std::uint32_t text : texts) {
    ++offsets[text + 1];
  }
  for (std::size_t i = 1; i < offsets.size(); ++i) {
    offsets[i] += offsets[i - 1];
  }
  std::vector<std::uint32_t> next(offsets.begin(), offsets.end() - 1);
  std::vector<std::uint32_t> ids(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    ids[next[texts[i]]++] = static_cast<std::uint32_t>(i);
  }
  PackedUpload upload;
  const std::size_t offsets_place = upload.Add(offsets);
  const std::size_t ids_place = upload.Add(ids);
  upload.Send(to->device());
  const DeviceLists<std::uint32_t> lists{upload.At<std::uint32_t>(offsets_place),
                                         upload.At<std::uint32_t>(ids_place), nullptr,
                                         offsets.size() - 1};
  const at::Tensor in = rows.contiguous();
  C10_CUDA_CHECK(DeviceSumLists(lists, in.const_data_ptr<float>(),
                                static_cast<std::size_t>(to->size(1)),
                                {.scale = scale, .accumulate = true}, to->mutable_data_ptr<float>(),
                                c10::cuda::getCurrentCUDAStream()));
}

}  // namespace dashi::trainer
