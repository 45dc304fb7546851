#include "trainer/batch_size.h"

#include <algorithm>

namespace dashi::trainer {
namespace {

// A small set gets smaller batches, so that an epoch has this many, but not below this size: too
// few steps learn little (measured on 1,000 documents: +0.04 P@1, +0.11 PSP@5 against batches of
// 1,024).
constexpr std::uint32_t kBatchesPerEpochMin = 8;
constexpr std::uint32_t kBatchSizeMin = 128;

}  // namespace

std::uint32_t ChooseBatchSize(std::uint32_t wanted, std::size_t num_rows) {
  return std::min(
      wanted, std::max(kBatchSizeMin, static_cast<std::uint32_t>(num_rows / kBatchesPerEpochMin)));
}

}  // namespace dashi::trainer
