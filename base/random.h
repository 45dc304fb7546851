#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace dashi {

/// A small seeded generator (xoshiro256**, Blackman & Vigna 2018): the same seed gives the same
/// numbers on every machine. Its state can be saved and restored.
///
/// Threads: one thread at a time.
class Random {
 public:
  using State = std::array<std::uint64_t, 4>;

  explicit Random(std::uint64_t seed);
  static Random FromState(const State& state);
  const State& state() const { return state_; }

  std::uint64_t Next();
  /// Uniform in [0, bound); bound > 0. Unbiased.
  std::uint64_t Uniform(std::uint64_t bound);
  /// Uniform in [0, 1).
  double UniformReal();
  /// Standard normal (Box-Muller; two uniforms a number).
  double Normal();

  template <typename T>
  void Shuffle(std::span<T> items) {
    for (std::size_t remaining = items.size(); remaining > 1; --remaining) {
      std::swap(items[remaining - 1], items[Uniform(remaining)]);
    }
  }

 private:
  State state_;
};

}  // namespace dashi
