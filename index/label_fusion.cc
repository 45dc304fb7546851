#include "index/label_fusion.h"

#include "base/status.h"
#include "index/vector_kernels.h"

namespace dashi::index {

std::vector<std::uint16_t> FoldVectors(std::span<const std::uint16_t> first,
                                       std::span<const std::uint16_t> second, std::size_t dim,
                                       float a, float b) {
  DASHI_CHECK(dim > 0 && first.size() % dim == 0);
  DASHI_CHECK(second.empty() || second.size() == first.size());
  std::vector<std::uint16_t> folded(first.size());
  std::vector<float> row(dim);
  for (std::size_t begin = 0; begin < first.size(); begin += dim) {
    row.assign(dim, 0.0F);
    AddScaledHalf(a, first.data() + begin, row.data(), dim);
    if (!second.empty()) {
      AddScaledHalf(b, second.data() + begin, row.data(), dim);
    }
    ToHalf(row.data(), folded.data() + begin, dim);
  }
  return folded;
}

}  // namespace dashi::index
