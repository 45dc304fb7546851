#include "base/random.h"

#include <bit>
#include <cmath>
#include <numbers>

#include "base/status.h"

namespace dashi {
namespace {

std::uint64_t SplitMix64(std::uint64_t& state) {
  state += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(std::uint64_t seed) : state_() {
  for (auto& word : state_) {
    word = SplitMix64(seed);
  }
}

Random Random::FromState(const State& state) {
  Random random(0);
  random.state_ = state;
  return random;
}

std::uint64_t Random::Next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Random::Uniform(std::uint64_t bound) {
  DASHI_CHECK(bound > 0);
  const std::uint64_t threshold = (0 - bound) % bound;
  for (;;) {
    const std::uint64_t value = Next();
    if (value >= threshold) {
      return value % bound;
    }
  }
}

double Random::UniformReal() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

double Random::Normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - UniformReal()));
  return radius * std::cos(2.0 * std::numbers::pi * UniformReal());
}

}  // namespace dashi
