#pragma once

#include <cstdint>
#include <string>

#include <ATen/core/Tensor.h>

#include "dashi/status.h"
#include "trainer/training_state.h"

namespace dashi::trainer {

/// Writes a float32 tensor as a part; an undefined one as a part without bytes.
///
/// Errors: kInternal naming the part when a number is not finite; the writer's.
Status SaveTensor(StateWriter& to, const std::string& name, const at::Tensor& tensor);

/// Reads it back into a tensor of the shape and device of `like`. A part without bytes gives an
/// undefined tensor, unless `like` has no elements.
///
/// Errors: kCorruption naming the part when its size is another one; the reader's.
Status LoadTensor(const StateReader& from, const std::string& name, const at::Tensor& like,
                  at::Tensor* tensor);

Status SaveCounter(StateWriter& to, const std::string& name, std::int64_t value);
Status LoadCounter(const StateReader& from, const std::string& name, std::int64_t* value);

}  // namespace dashi::trainer
