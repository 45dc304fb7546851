#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "trainer/training_task.h"

namespace dashi::trainer {

/// Finds texts with the same tokens among those that were added, each of which has a number.
///
/// Threads: one thread at a time.
/// Cost:    about 50 bytes a text beside the texts themselves.
class SameTexts {
 public:
  /// `texts` must outlive this, and may grow.
  explicit SameTexts(const SparseRows& texts) : texts_(texts) {}

  /// Adds row `row` of the texts unless there is one with the same tokens. Returns the row that has
  /// them.
  std::uint32_t Add(std::uint32_t row);
  /// The row that was added and has the same tokens as row `row` of `others`; kNone.
  std::uint32_t Find(const SparseRows& others, std::size_t row) const;

  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

 private:
  const SparseRows& texts_;
  std::unordered_multimap<std::uint64_t, std::uint32_t> rows_;  // by the hash of their tokens
};

/// Whether two rows have the same columns and values.
bool IsSameRow(const SparseRows& a, std::size_t row_a, const SparseRows& b, std::size_t row_b);

/// For each row the first one with the same tokens.  Shape: result [texts.num_rows()].
std::vector<std::uint32_t> FirstWithSameText(const SparseRows& texts);

}  // namespace dashi::trainer
