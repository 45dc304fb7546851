#include "trainer/torch/token_chunks.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

namespace dashi::trainer {
namespace {

std::uint32_t LengthOf(const SparseRows& texts, std::uint32_t text) {
  return static_cast<std::uint32_t>(texts.offsets[text + 1] - texts.offsets[text]);
}

}  // namespace

std::vector<TokenChunk> ChunkByLength(const SparseRows& texts, double token_cost, double pair_cost,
                                      double cost_max) {
  std::vector<std::uint32_t> order(texts.num_rows());
  std::iota(order.begin(), order.end(), 0U);
  // The longest first, so that threads end together.
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return LengthOf(texts, a) > LengthOf(texts, b);
  });
  std::vector<TokenChunk> chunks;
  double room = 0;
  for (const std::uint32_t text : order) {
    if (chunks.empty() || room <= 0) {
      TokenChunk chunk;
      chunk.length = LengthOf(texts, text);
      const double length = chunk.length;
      const double cost = length * token_cost + length * length * pair_cost;
      room = std::max(1.0, cost > 0 ? cost_max / cost : 1.0);
      chunks.push_back(std::move(chunk));
    }
    chunks.back().texts.push_back(text);
    room -= 1;
    room = room < 1 ? 0 : room;
  }
  return chunks;
}

TokenMatrix MakeTokenMatrix(const SparseRows& texts, const TokenChunk& chunk,
                            std::uint32_t padding_id, at::Device device) {
  const auto num_texts = static_cast<std::int64_t>(chunk.texts.size());
  const auto length = static_cast<std::int64_t>(chunk.length);
  TokenMatrix matrix;
  matrix.ids = at::full({num_texts, length}, static_cast<std::int64_t>(padding_id), at::kLong);
  matrix.lengths = at::empty({num_texts}, at::kLong);  // [num_texts]
  auto* ids = matrix.ids.mutable_data_ptr<std::int64_t>();
  auto* lengths = matrix.lengths.mutable_data_ptr<std::int64_t>();
  for (std::size_t row = 0; row < chunk.texts.size(); ++row) {
    const std::uint64_t begin = texts.offsets[chunk.texts[row]];
    const std::uint64_t end = texts.offsets[chunk.texts[row] + 1];
    std::copy(texts.columns.begin() + static_cast<std::ptrdiff_t>(begin),
              texts.columns.begin() + static_cast<std::ptrdiff_t>(end),
              ids + static_cast<std::ptrdiff_t>(row) * length);
    lengths[row] = static_cast<std::int64_t>(end - begin);
    matrix.padded = matrix.padded || lengths[row] < length;
  }
  matrix.ids = matrix.ids.to(device);
  matrix.lengths = matrix.lengths.to(device);
  return matrix;
}

}  // namespace dashi::trainer
