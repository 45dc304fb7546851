#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "index/vector_index.h"

namespace dashi::trainer {

/// The lowest levels of a balanced tree. The products of all pairs of its rows are made once; the
/// 2-means of every node are sums of them, so that an iteration costs num_rows^2 additions whatever
/// the dimension is.
///
/// Threads: one thread at a time.
/// Cost:    num_rows^2 / 2 * dim multiply-adds a tree.
class ProductTree {
 public:
  static constexpr std::size_t kRowsMax = 32;

  explicit ProductTree(std::size_t dim);

  /// Reorders rows of `vectors`, at most kRowsMax, into the leaves of `num_levels` levels.
  /// `number` is the root's in a heap of nodes that counts from 1: it sets the node's seed.
  void Cluster(index::HalfMatrixView vectors, std::uint64_t number, std::size_t num_levels,
               std::uint64_t seed, std::span<std::uint32_t> rows);

 private:
  void Split(std::uint64_t number, std::size_t num_levels, std::uint64_t seed,
             std::span<std::uint32_t> places);
  // Cuts a node of three rows or more.
  void Cut(std::uint64_t seed, std::span<std::uint32_t> places);

  const std::size_t dim_;
  std::vector<float> wide_;      // [kRowsMax, dim]
  std::vector<float> products_;  // [kRowsMax, kRowsMax]
};

}  // namespace dashi::trainer
