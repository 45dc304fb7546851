#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dashi/status.h"
#include "trainer/encoder_module.h"

namespace dashi::trainer {

/// The `bag` encoder's parameters (docs/ARCHITECTURE.md, "The bag encoder"):
///   x = sum_t weight_t * E[t];  h = x + W2 relu(W1 x + b);  embedding = h / |h|.
/// Shape: embeddings [vocabulary_size, dim] binary16; w1 [hidden, dim], b [hidden], w2 [dim,
/// hidden]
///        float32, all row-major. hidden = 0 means no residual block.
struct BagWeights {
  std::uint32_t vocabulary_size = 0;
  std::uint32_t dim = 0;
  std::uint32_t hidden = 0;
  std::vector<std::uint16_t> embeddings;
  std::vector<float> w1;
  std::vector<float> b;
  std::vector<float> w2;
};

/// The parameters of a BagModule as queries use them, token vectors rounded to binary16.
///
/// Errors: kInvalidArgument when they are no BagModule's of this dim.
Result<BagWeights> ToBagWeights(std::span<const NamedTensor> parameters, std::uint32_t dim);

}  // namespace dashi::trainer
