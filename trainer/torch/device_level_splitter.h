#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <ATen/core/Tensor.h>

#include "dashi/status.h"
#include "trainer/level_splitter.h"

namespace dashi::trainer {

/// A LevelSplitter on a CUDA device, over its own copy of vectors [num_rows, dim] binary16. The
/// same input gives the same halves; another device or the processor may put rows near a median on
/// the other side, because it adds in another order.
///
/// Cost: each level waits for the device once an iteration.
Result<std::unique_ptr<LevelSplitter>> MakeDeviceLevelSplitter(const std::uint16_t* vectors,
                                                               std::size_t num_rows,
                                                               std::size_t dim, at::Device device);

}  // namespace dashi::trainer
