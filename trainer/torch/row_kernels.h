#pragma once

#include <cstddef>
#include <cstdint>

namespace dashi::trainer {

/// SIMD kernels over rows of a parameter table, dispatched at run time by Highway.
///
/// Threads: pure functions over what the caller owns.

/// out = sum_i weights[i] * table[ids[i]]. Null `weights` means ones.
/// Shape: table [any, dim], ids and weights [count], out [dim].
void WeightedRowSum(const float* table, std::size_t dim, const std::uint32_t* ids,
                    const float* weights, std::size_t count, float* out);

/// One step of Adam (Kingma & Ba 2015) with the bias corrections of a global step count.
struct AdamRates {
  float rate = 0;
  float beta1 = 0.9F;
  float beta2 = 0.999F;
  float epsilon = 1e-8F;
  float correction1 = 1;  ///< 1 / (1 - beta1^step)
  float correction2 = 1;  ///< 1 / (1 - beta2^step)
};

/// Applies a gradient to a row and its two moments.  Shape: all [dim].
void AdamRow(const AdamRates& rates, const float* gradient, std::size_t dim, float* row,
             float* first_moment, float* second_moment);

}  // namespace dashi::trainer
