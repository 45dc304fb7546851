#include "trainer/bag_weights.h"

#include <array>
#include <string_view>

#include "base/status.h"
#include "index/vector_kernels.h"

namespace dashi::trainer {

Result<BagWeights> ToBagWeights(std::span<const NamedTensor> parameters, std::uint32_t dim) {
  constexpr std::array<std::string_view, 4> kNames = {"embeddings", "w1", "b", "w2"};
  bool fits = parameters.size() == kNames.size() && dim > 0;
  for (std::size_t i = 0; fits && i < kNames.size(); ++i) {
    fits = parameters[i].name == kNames[i];
  }
  if (!fits || parameters[0].values.size() % dim != 0) {
    return Status::InvalidArgument("the parameters are not those of a bag encoder");
  }
  BagWeights weights;
  weights.vocabulary_size = static_cast<std::uint32_t>(parameters[0].values.size() / dim);
  weights.dim = dim;
  weights.hidden = static_cast<std::uint32_t>(parameters[2].values.size());
  weights.embeddings.resize(parameters[0].values.size());
  index::ToHalf(parameters[0].values.data(), weights.embeddings.data(), weights.embeddings.size());
  weights.w1 = parameters[1].values;
  weights.b = parameters[2].values;
  weights.w2 = parameters[3].values;
  return weights;
}

}  // namespace dashi::trainer
