#pragma once

#include <cstdint>
#include <vector>

#include "trainer/training_task.h"

namespace dashi::trainer {

/// The token bags of a batch by token: which texts hold each distinct token, with what weight. What
/// the backward pass walks, so that each touched parameter row is written once, in a fixed order.
struct BatchTokens {
  std::vector<std::uint32_t> tokens;   ///< [num_distinct], in order of first appearance
  std::vector<std::uint32_t> offsets;  ///< [num_distinct + 1]
  std::vector<std::uint32_t> texts;    ///< [num_entries], ascending within a token
  std::vector<float> weights;          ///< [num_entries]
};

/// Builds BatchTokens; keeps its work space between batches.
///
/// Threads: one thread at a time.
class BatchTokenizer {
 public:
  explicit BatchTokenizer(std::uint32_t vocabulary_size);
  /// Cost: two passes over the entries.
  const BatchTokens& Transpose(const SparseRows& texts);

 private:
  std::vector<std::uint32_t> position_;  // [vocabulary_size], of the tokens of this batch
  BatchTokens batch_;
};

}  // namespace dashi::trainer
