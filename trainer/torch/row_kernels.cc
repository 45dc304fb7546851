#include "trainer/torch/row_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "trainer/torch/row_kernels.cc"
#include <hwy/foreach_target.h>
// foreach_target.h comes before highway.h: it includes this file once for each instruction set.
#include <algorithm>
#include <cmath>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace dashi::trainer::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Sums one block of kRegisters vectors of every row; the sums stay in registers.
template <std::size_t kRegisters>
void SumBlock(const float* table, std::size_t dim, const std::uint32_t* ids, const float* weights,
              std::size_t count, std::size_t at, float* out) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  hn::Vec<decltype(d)> sums[kRegisters];
  for (std::size_t r = 0; r < kRegisters; ++r) {
    sums[r] = hn::Zero(d);
  }
  for (std::size_t i = 0; i < count; ++i) {
    const float* row = table + static_cast<std::size_t>(ids[i]) * dim + at;
    const auto weight = hn::Set(d, weights == nullptr ? 1.0F : weights[i]);
    for (std::size_t r = 0; r < kRegisters; ++r) {
      sums[r] = hn::MulAdd(weight, hn::LoadU(d, row + r * lanes), sums[r]);
    }
  }
  for (std::size_t r = 0; r < kRegisters; ++r) {
    hn::StoreU(sums[r], d, out + at + r * lanes);
  }
}

void WeightedRowSumImpl(const float* table, std::size_t dim, const std::uint32_t* ids,
                        const float* weights, std::size_t count, float* out) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t at = 0;
  for (; at + 8 * lanes <= dim; at += 8 * lanes) {
    SumBlock<8>(table, dim, ids, weights, count, at, out);
  }
  for (; at + lanes <= dim; at += lanes) {
    SumBlock<1>(table, dim, ids, weights, count, at, out);
  }
  for (; at < dim; ++at) {
    float sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
      sum += (weights == nullptr ? 1.0F : weights[i]) *
             table[static_cast<std::size_t>(ids[i]) * dim + at];
    }
    out[at] = sum;
  }
}

void AdamRowImpl(const AdamRates& rates, const float* gradient, std::size_t dim, float* row,
                 float* first_moment, float* second_moment) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  const auto beta1 = hn::Set(d, rates.beta1);
  const auto beta2 = hn::Set(d, rates.beta2);
  const auto rest1 = hn::Set(d, 1.0F - rates.beta1);
  const auto rest2 = hn::Set(d, 1.0F - rates.beta2);
  const auto step = hn::Set(d, rates.rate * rates.correction1);
  const auto correction2 = hn::Set(d, rates.correction2);
  const auto epsilon = hn::Set(d, rates.epsilon);
  std::size_t i = 0;
  for (; i + lanes <= dim; i += lanes) {
    const auto g = hn::LoadU(d, gradient + i);
    const auto m = hn::MulAdd(beta1, hn::LoadU(d, first_moment + i), hn::Mul(rest1, g));
    const auto v =
        hn::MulAdd(beta2, hn::LoadU(d, second_moment + i), hn::Mul(rest2, hn::Mul(g, g)));
    hn::StoreU(m, d, first_moment + i);
    hn::StoreU(v, d, second_moment + i);
    const auto root = hn::Add(hn::Sqrt(hn::Mul(v, correction2)), epsilon);
    hn::StoreU(hn::Sub(hn::LoadU(d, row + i), hn::Div(hn::Mul(step, m), root)), d, row + i);
  }
  for (; i < dim; ++i) {
    const float g = gradient[i];
    const float m = rates.beta1 * first_moment[i] + (1.0F - rates.beta1) * g;
    const float v = rates.beta2 * second_moment[i] + (1.0F - rates.beta2) * g * g;
    first_moment[i] = m;
    second_moment[i] = v;
    row[i] -=
        rates.rate * rates.correction1 * m / (std::sqrt(v * rates.correction2) + rates.epsilon);
  }
}

}  // namespace dashi::trainer::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dashi::trainer {

HWY_EXPORT(WeightedRowSumImpl);
HWY_EXPORT(AdamRowImpl);

void WeightedRowSum(const float* table, std::size_t dim, const std::uint32_t* ids,
                    const float* weights, std::size_t count, float* out) {
  HWY_DYNAMIC_DISPATCH(WeightedRowSumImpl)(table, dim, ids, weights, count, out);
}

void AdamRow(const AdamRates& rates, const float* gradient, std::size_t dim, float* row,
             float* first_moment, float* second_moment) {
  HWY_DYNAMIC_DISPATCH(AdamRowImpl)(rates, gradient, dim, row, first_moment, second_moment);
}

}  // namespace dashi::trainer
#endif  // HWY_ONCE
