#include "trainer/torch/device_block.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>

#include "trainer/torch/cuda/device_block.h"

namespace dashi::trainer {
namespace {

DeviceUnitRows Pointers(const UnitRows& unit) {
  return {static_cast<std::size_t>(unit.rows.size(0)), static_cast<std::size_t>(unit.rows.size(1)),
          unit.rows.mutable_data_ptr<float>(), unit.inverse_norm.mutable_data_ptr<float>()};
}

}  // namespace

UnitRows NormalizeOnDevice(const at::Tensor& rows, const at::Tensor& input) {
  const at::Tensor in = rows.contiguous();
  const at::Tensor known = input.defined() ? input.contiguous() : input;
  const UnitRows unit{at::empty_like(in), at::empty({in.size(0), 1}, in.options())};
  C10_CUDA_CHECK(DeviceNormalize(in.const_data_ptr<float>(),
                                 known.defined() ? known.const_data_ptr<float>() : nullptr,
                                 Pointers(unit), c10::cuda::getCurrentCUDAStream()));
  return unit;
}

at::Tensor NormalizeGradientOnDevice(const UnitRows& unit, const at::Tensor& gradient) {
  const at::Tensor in = gradient.contiguous();
  at::Tensor out = at::empty_like(in);
  C10_CUDA_CHECK(DeviceNormalizeGradient(Pointers(unit), in.const_data_ptr<float>(),
                                         out.mutable_data_ptr<float>(),
                                         c10::cuda::getCurrentCUDAStream()));
  return out;
}

void StepDenseOnDevice(const AdamRates& rates, float keep, const at::Tensor& gradient,
                       at::Tensor* value, at::Tensor* first_moment, at::Tensor* second_moment) {
  const at::Tensor in = gradient.contiguous();
  const DeviceDenseParameter parameter{
      value->mutable_data_ptr<float>(), first_moment->mutable_data_ptr<float>(),
      second_moment->mutable_data_ptr<float>(), static_cast<std::size_t>(value->numel())};
  C10_CUDA_CHECK(DeviceStepDense(rates, keep, in.const_data_ptr<float>(), parameter,
                                 c10::cuda::getCurrentCUDAStream()));
}

}  // namespace dashi::trainer
