#pragma once

#include <memory>

#include <ATen/core/Tensor.h>

#include "trainer/torch/row_table.h"

namespace dashi::trainer {

/// The RowTable of values on a CUDA device, with the kernels of cuda/device_rows.h. The same steps
/// give the same bits.  Shape: values [rows, dim] float32.
std::unique_ptr<RowTable> MakeDeviceRowTable(at::Tensor values);

/// to[texts[i]] += scale * rows[i], in the order of i also where texts repeat.
/// Shape: rows [texts.size(), dim], to [num_texts, dim].
void AddRowsAt(std::span<const std::uint32_t> texts, const at::Tensor& rows, float scale,
               at::Tensor* to);

}  // namespace dashi::trainer
