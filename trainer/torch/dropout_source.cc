#include "trainer/torch/dropout_source.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <optional>
#include <tuple>

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/native_dropout.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/softmax.h>

#include "base/mutex.h"

namespace dashi::trainer {
namespace {

constexpr unsigned kBits = 16;  // of a draw
constexpr std::int64_t kDrawsPerNumber = 4;

// LibTorch's fused kernels draw from the one generator of their device. Held from its seeding until
// its numbers are taken.
Mutex& DeviceDrawsMutex() {
  static Mutex mutex;
  return mutex;
}

void SeedDevice(at::Device device, std::uint64_t seed) {
  at::Generator generator = at::globalContext().defaultGenerator(device);
  std::mutex& own = generator.mutex();          // tidy-allow(mutex): LibTorch's, for its numbers
  const std::lock_guard<std::mutex> lock(own);  // tidy-allow(mutex): as above
  generator.set_current_seed(seed);
}

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

at::Tensor DropoutSource::Drop(const at::Tensor& input, float rate) {
  if (!generator_.defined()) {
    return input * Mask(input, rate);
  }
  const MutexLock lock(DeviceDrawsMutex());
  SeedDevice(input.device(), random_.Next());
  return std::get<0>(at::native_dropout(input, static_cast<double>(rate), /*train=*/true));
}

at::Tensor DropoutSource::Attend(const at::Tensor& query, const at::Tensor& key,
                                 const at::Tensor& value, const at::Tensor& mask, float rate) {
  if (generator_.defined()) {
    const MutexLock lock(DeviceDrawsMutex());
    SeedDevice(query.device(), random_.Next());
    return at::scaled_dot_product_attention(
        query, key, value, mask.defined() ? std::optional<at::Tensor>(mask) : std::nullopt,
        static_cast<double>(rate));
  }
  // On the processor LibTorch's own attention takes its dropout from what all threads share.
  at::Tensor scores = at::matmul(query, key.transpose(2, 3)) *
                      (1.0 / std::sqrt(static_cast<double>(query.size(3))));
  if (mask.defined()) {
    scores = scores.masked_fill(mask.logical_not(), -std::numeric_limits<double>::infinity());
  }
  const at::Tensor weights =
      Drop(at::softmax(scores, -1, at::kFloat), rate);  // [num_texts, num_heads, length, length]
  return at::matmul(weights.to(value.scalar_type()), value);
}

}  // namespace dashi::trainer
