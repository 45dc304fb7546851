#pragma once

#include <cstddef>
#include <cstdint>

#include <cuda_runtime_api.h>

#include "trainer/torch/row_kernels.h"

namespace dashi::trainer {

/// CUDA kernels over rows of a parameter table: the twins of WeightedRowSum and AdamRow. All
/// pointers are the device's. No atomic additions: the same input gives the same bits.
///
/// Threads: they enqueue work on `stream` and return.
/// Errors:  what cudaGetLastError says after the launch.

/// Weighted lists of row numbers, as SparseRows (offsets of 64 bits) and BatchTokens (32) hold
/// them. Null `weights` means ones.
template <typename Offset>
struct DeviceLists {
  const Offset* offsets = nullptr;  ///< [num_lists + 1]
  const std::uint32_t* ids = nullptr;
  const float* weights = nullptr;
  std::size_t num_lists = 0;
};

/// out[i] (+)= scale * sum of weights * table[ids] over list i. With `accumulate` it adds to out.
/// Shape: table [any, dim], out [num_lists, dim].
struct DeviceSumOptions {
  float scale = 1.0F;
  bool accumulate = false;
};
template <typename Offset>
cudaError_t DeviceSumLists(const DeviceLists<Offset>& lists, const float* table, std::size_t dim,
                           const DeviceSumOptions& options, float* out, cudaStream_t stream);

/// Parameters with their moments.  Shape: all [any, dim].
struct DeviceParameters {
  float* values = nullptr;
  float* first_moment = nullptr;
  float* second_moment = nullptr;
  std::size_t dim = 0;
};

/// One step of lazy Adam on rows[i] with the gradient sum of weights * gradients[ids] over list i,
/// which is never written to memory. Rows are distinct.  Shape: gradients [any, dim].
cudaError_t DeviceStepLists(const AdamRates& rates, const DeviceLists<std::uint32_t>& lists,
                            const std::uint32_t* rows, const float* gradients,
                            const DeviceParameters& parameters, cudaStream_t stream);

/// One step of lazy Adam on distinct rows.  Shape: rows [num_rows], gradients [num_rows, dim].
cudaError_t DeviceStepRows(const AdamRates& rates, const std::uint32_t* rows, std::size_t num_rows,
                           const float* gradients, const DeviceParameters& parameters,
                           cudaStream_t stream);

}  // namespace dashi::trainer
