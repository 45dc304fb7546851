#pragma once

#include <cstddef>
#include <cstdint>

#include <cuda_runtime_api.h>

#include "trainer/loss_options.h"

namespace dashi::trainer {

/// Bounds of the selections that the kernels keep on the chip.
inline constexpr std::uint32_t kDeviceNegativesMax = 128;
inline constexpr std::uint32_t kDevicePositivesMax = 32;  ///< of kTripletHardest

/// Column lists of each row, on the device, as SparseRows holds them.
struct DeviceColumns {
  const std::uint64_t* offsets = nullptr;  ///< [num_rows + 1]
  const std::uint32_t* columns = nullptr;
};

/// What a loss is computed from and into. All pointers are the device's.
struct DeviceLoss {
  LossOptions options;
  const float* scores = nullptr;  ///< [num_rows, num_columns]
  std::size_t num_rows = 0;
  std::size_t num_columns = 0;
  DeviceColumns positives;
  DeviceColumns masked;
  std::uint64_t num_positives = 0;      ///< of all rows
  std::uint64_t num_positive_rows = 0;  ///< rows with at least one positive
  float* gradient = nullptr;            ///< [num_rows, num_columns], apart from `scores`
  float* row_results = nullptr;         ///< [num_rows, 2]: work space
  float* summary = nullptr;             ///< [2]: loss and top1
};

/// Computes the losses of ContrastiveLoss and their gradients: one block of threads a row, which
/// reads its scores once and writes its gradient once. Equal scores are taken by ascending column,
/// and the same input gives the same bits.
///
/// Threads: enqueues work on `stream` and returns.
/// Errors:  what cudaGetLastError says after the launch; cudaErrorInvalidValue beyond the bounds
///          above.
/// Cost:    num_rows * num_columns * 8 bytes of memory traffic.
cudaError_t DeviceContrastiveLoss(const DeviceLoss& loss, cudaStream_t stream);

}  // namespace dashi::trainer
