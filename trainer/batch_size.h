#pragma once

#include <cstddef>
#include <cstdint>

namespace dashi::trainer {

/// How many documents a batch has in a stage over `num_rows` of them, at most `wanted`: small sets
/// get smaller batches, so that an epoch has enough of them.
std::uint32_t ChooseBatchSize(std::uint32_t wanted, std::size_t num_rows);

}  // namespace dashi::trainer
