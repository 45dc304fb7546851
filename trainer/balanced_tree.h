#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace dashi::trainer {

/// Rows in the leaf order of a balanced binary tree. Leaves that stand side by side share a parent,
/// so joining 2^j neighbours (from a multiple of 2^j) gives the clusters of a coarser level.
struct BalancedClusters {
  std::vector<std::uint32_t> rows;     ///< [num_rows], a permutation
  std::vector<std::uint32_t> offsets;  ///< [num_leaves + 1]; num_leaves is a power of two
};

/// The offsets of a level's halves; the first one has the odd row.
/// Shape: offsets [num_nodes + 1]; returns [2 * num_nodes + 1].
inline std::vector<std::uint32_t> HalveNodes(const std::vector<std::uint32_t>& offsets) {
  std::vector<std::uint32_t> halves{offsets.front()};
  halves.reserve(2 * offsets.size() - 1);
  for (std::size_t node = 0; node + 1 < offsets.size(); ++node) {
    halves.push_back(offsets[node] + (offsets[node + 1] - offsets[node] + 1) / 2);
    halves.push_back(offsets[node + 1]);
  }
  return halves;
}

/// Orders rows by score and, where that is equal, by row, in one comparison of integers.
inline std::uint64_t SortKey(float score, std::uint32_t row) {
  const auto bits = std::bit_cast<std::uint32_t>(score + 0.0F);  // -0 equals 0
  const std::uint32_t ordered = (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
  return std::uint64_t{ordered} << 32U | row;
}

}  // namespace dashi::trainer
