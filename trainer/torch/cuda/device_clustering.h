#pragma once

#include <cstddef>
#include <cstdint>

#include <cuda_runtime_api.h>

#include "trainer/level_splitter.h"

namespace dashi::trainer {

/// One level of balanced clustering on the device: the rows of all its nodes, one node after
/// another, and work space. All pointers are the device's.
struct DeviceLevel {
  const std::uint16_t* vectors = nullptr;  ///< [any, dim] binary16
  std::size_t dim = 0;
  std::size_t num_rows = 0;
  std::size_t num_nodes = 0;
  std::size_t num_chunks = 0;
  std::size_t node_rows_max = 0;               ///< of the largest node
  const std::uint32_t* rows = nullptr;         ///< [num_rows], ascending within a node
  const std::uint32_t* offsets = nullptr;      ///< [num_nodes + 1] positions in `rows`
  const std::uint32_t* first_chunk = nullptr;  ///< [num_nodes + 1], see kDeviceChunkRows
  const StartPair* starts = nullptr;           ///< [num_nodes, SplitRules::kStartPairs]

  std::uint32_t* node_of = nullptr;  ///< [num_rows]
  float* scores = nullptr;           ///< [num_rows]: similarity to second minus to first centroid
  std::uint8_t* sides = nullptr;     ///< [num_rows]: 0 in the first half, 1 in the second
  float* directions = nullptr;       ///< [num_nodes, dim]: second centroid minus first
  float* totals = nullptr;           ///< [num_nodes, dim]: sums of all rows
  float* partial = nullptr;          ///< [num_chunks, dim]
  double* similarities = nullptr;    ///< [num_nodes]: mean over rows
  std::uint8_t* active = nullptr;    ///< [num_nodes]: still moving
  std::uint32_t* num_active = nullptr;  ///< [1]
};

/// A node of n rows has ceil(n / kDeviceChunkRows) chunks, whose sums are added in order.
inline constexpr std::size_t kDeviceChunkRows = 256;

/// The steps of SplitRules for all nodes at once. Nodes that are not active stay as they are. No
/// atomic additions of floats: the same input gives the same bits.
///
/// Threads: they enqueue work on `stream` and return.
/// Errors:  what cudaGetLastError says after the launches.

/// Chooses the starts; fills node_of, directions, totals and active.
cudaError_t DeviceStartLevel(const DeviceLevel& level, cudaStream_t stream);
/// Fills scores from directions.
cudaError_t DeviceScoreRows(const DeviceLevel& level, cudaStream_t stream);
/// Fills sides from scores: exactly ceil(n / 2) rows of a node go first, equal scores by position.
cudaError_t DeviceSelectHalves(const DeviceLevel& level, cudaStream_t stream);
/// Moves directions to the halves' means; ends nodes that gain too little, but not in iteration 0;
/// counts the others in num_active.
cudaError_t DeviceMoveDirections(const DeviceLevel& level, int iteration, cudaStream_t stream);
/// Writes the rows of all nodes in their halves' order.  Shape: out [num_rows].
cudaError_t DevicePartition(const DeviceLevel& level, std::uint32_t* out, cudaStream_t stream);

}  // namespace dashi::trainer
