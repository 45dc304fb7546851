#include "trainer/torch/dropout_source.h"

#include <algorithm>
#include <cmath>

#include <ATen/Context.h>
#include <ATen/ops/empty.h>

namespace dashi::trainer {
namespace {

constexpr unsigned kBits = 16;  // of a draw
constexpr std::int64_t kDrawsPerNumber = 4;

}  // namespace

DropoutSource::DropoutSource(std::uint64_t seed, at::Device device) : random_(seed) {
  if (!device.is_cpu()) {
    generator_ = at::globalContext().defaultGenerator(device).clone();
    generator_.set_current_seed(random_.Next());
  }
}

at::Tensor DropoutSource::Mask(const at::Tensor& like, float rate) {
  const double kept = 1.0 - static_cast<double>(rate);
  at::Tensor mask = at::empty(like.sizes(), like.options().requires_grad(false));  // like `like`
  if (generator_.defined()) {
    return mask.bernoulli_(kept, generator_).div_(kept);
  }
  mask = mask.scalar_type() == at::kFloat ? mask : mask.to(at::kFloat);
  const auto threshold =
      static_cast<std::uint64_t>(std::lround(static_cast<double>(rate) * (1U << kBits)));
  const auto scale = static_cast<float>(1.0 / kept);
  auto* out = mask.mutable_data_ptr<float>();
  const std::int64_t size = mask.numel();
  for (std::int64_t i = 0; i < size; i += kDrawsPerNumber) {
    std::uint64_t bits = random_.Next();
    for (std::int64_t j = i; j < std::min(size, i + kDrawsPerNumber); ++j, bits >>= kBits) {
      out[j] = (bits & 0xFFFFU) >= threshold ? scale : 0.0F;
    }
  }
  return mask.to(like.scalar_type());
}

}  // namespace dashi::trainer
