#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/Tensor.h>

#include "trainer/torch/transformer_network.h"
#include "trainer/training_task.h"

namespace dashi::trainer {

/// Texts of about the same length that are encoded together.
struct TokenChunk {
  std::vector<std::uint32_t> texts;  ///< rows, by length
  std::uint32_t length = 0;          ///< of the longest
};

/// Sorts the texts by length and cuts them into chunks of at most `cost_max`, where a text costs
/// `length * token_cost + length^2 * pair_cost` at the chunk's greatest length; a text that costs
/// more is alone. Depends on the lengths and costs only.
std::vector<TokenChunk> ChunkByLength(const SparseRows& texts, double token_cost, double pair_cost,
                                      double cost_max);

/// The chunk's token ids, padded with `padding_id`.
TokenMatrix MakeTokenMatrix(const SparseRows& texts, const TokenChunk& chunk,
                            std::uint32_t padding_id, at::Device device);

}  // namespace dashi::trainer
