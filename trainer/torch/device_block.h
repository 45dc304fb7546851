#pragma once

#include <ATen/core/Tensor.h>

#include "trainer/torch/residual_block.h"
#include "trainer/torch/row_kernels.h"

namespace dashi::trainer {

/// What the residual block computes on a CUDA device in one kernel each.

/// Normalize; rows whose `input` is all zero become zero, when it is defined.
/// Shape: rows, input [n, dim].
UnitRows NormalizeOnDevice(const at::Tensor& rows, const at::Tensor& input);
at::Tensor NormalizeGradientOnDevice(const UnitRows& unit, const at::Tensor& gradient);

/// value = keep * value, then a step of Adam.  Shape: all alike.
void StepDenseOnDevice(const AdamRates& rates, float keep, const at::Tensor& gradient,
                       at::Tensor* value, at::Tensor* first_moment, at::Tensor* second_moment);

}  // namespace dashi::trainer
