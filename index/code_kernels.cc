// Compiled once per instruction set: foreach_target.h includes this file again for each.

// As in vector_kernels.cc.
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

#include "index/code_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "index/vector_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "index/code_kernels.cc"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace dashi::index::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Short = hn::ScalableTag<std::int16_t>;
using Sums = hn::RepartitionToWide<Short>;
constexpr std::size_t kShorts = hn::MaxLanes(Short());
static_assert(PackedQuerySize(1) % kShorts == 0, "a packed query fills whole vectors");

HWY_INLINE auto LoadCodes(const std::uint8_t* in) {
  const hn::Rebind<std::int8_t, Short> codes;
  return hn::PromoteTo(Short(), hn::LoadU(codes, reinterpret_cast<const std::int8_t*>(in)));
}

HWY_INLINE float ScoreOf(hn::Vec<Sums> sums, const std::uint8_t* row, float query_scale) {
  float scale = 0;
  std::memcpy(&scale, row, sizeof(scale));
  return scale * query_scale * static_cast<float>(hn::GetLane(hn::SumOfLanes(Sums(), sums)));
}

HWY_INLINE void PrefetchCodes(const std::uint8_t* row, std::size_t dim) {
  constexpr std::size_t kLine = 64;
  for (std::size_t i = 0; i < CodeRowBytes(dim); i += kLine) {
    hwy::Prefetch(row + i);
  }
}

// kRows rows at once share the loads of the query.
template <std::size_t kRows>
HWY_INLINE void ScoreRows(const std::int16_t* HWY_RESTRICT packed, float query_scale,
                          const std::uint8_t* const* rows, std::size_t dim, float* out) {
  const Short d;
  hn::Vec<Sums> even[kRows];
  hn::Vec<Sums> odd[kRows];
  for (std::size_t r = 0; r < kRows; ++r) {
    even[r] = hn::Zero(Sums());
    odd[r] = hn::Zero(Sums());
  }
  for (std::size_t i = 0; i < dim; i += kShorts) {
    const auto query = hn::LoadU(d, packed + i);
    for (std::size_t r = 0; r < kRows; ++r) {
      even[r] = hn::ReorderWidenMulAccumulate(Sums(), query, LoadCodes(rows[r] + sizeof(float) + i),
                                              even[r], odd[r]);
    }
  }
  for (std::size_t r = 0; r < kRows; ++r) {
    out[r] = ScoreOf(hn::Add(even[r], odd[r]), rows[r], query_scale);
  }
}

void ScoreCodeRowsAt(const std::int16_t* packed, float query_scale, const std::uint8_t* rows,
                     const std::uint32_t* positions, std::size_t num_positions, std::size_t dim,
                     float* out) {
  constexpr std::size_t kTogether = 4;
  constexpr std::size_t kAhead = 6;
  const auto row = [&](std::size_t i) {
    return rows + static_cast<std::size_t>(positions[i]) * CodeRowBytes(dim);
  };
  for (std::size_t i = 0; i < std::min(kAhead, num_positions); ++i) {
    PrefetchCodes(row(i), dim);
  }
  std::size_t i = 0;
  for (; i + kTogether <= num_positions; i += kTogether) {
    for (std::size_t next = i + kAhead; next < std::min(i + kAhead + kTogether, num_positions);
         ++next) {
      PrefetchCodes(row(next), dim);
    }
    const std::uint8_t* const together[] = {row(i), row(i + 1), row(i + 2), row(i + 3)};
    ScoreRows<kTogether>(packed, query_scale, together, dim, out + i);
  }
  for (; i < num_positions; ++i) {
    const std::uint8_t* const one[] = {row(i)};
    ScoreRows<1>(packed, query_scale, one, dim, out + i);
  }
}

}  // namespace dashi::index::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dashi::index {

namespace {

constexpr float kCodeMax = 127;
constexpr float kHalfMax = 65504;

}  // namespace

HWY_EXPORT(ScoreCodeRowsAt);

void EncodeRow(const std::uint16_t* row, std::size_t dim, std::uint8_t* out) {
  std::vector<float> values(dim);
  FromHalf(row, values.data(), dim);
  float largest = 0;
  for (float& value : values) {
    value = std::isnan(value) ? 0 : std::clamp(value, -kHalfMax, kHalfMax);
    largest = std::max(largest, std::abs(value));
  }
  const float scale = largest / kCodeMax;
  const float inverse = largest > 0 ? kCodeMax / largest : 0;
  std::memcpy(out, &scale, sizeof(scale));
  for (std::size_t i = 0; i < dim; ++i) {
    const auto code = static_cast<std::int8_t>(std::lrintf(values[i] * inverse));
    std::memcpy(out + sizeof(scale) + i, &code, 1);
  }
}

float PackQuery(const float* query, std::size_t dim, std::int16_t* packed) {
  float largest = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    largest = std::max(largest, std::abs(query[i]));
  }
  const auto sums_max = static_cast<float>(std::numeric_limits<std::int32_t>::max());
  const float packed_max =
      std::min(static_cast<float>(std::numeric_limits<std::int16_t>::max()),
               std::floor(sums_max / 2 / (kCodeMax * static_cast<float>(dim))));
  const double inverse =
      largest > 0 ? static_cast<double>(packed_max) / static_cast<double>(largest) : 0;
  for (std::size_t i = 0; i < dim; ++i) {
    packed[i] = static_cast<std::int16_t>(std::lrint(static_cast<double>(query[i]) * inverse));
  }
  std::fill(packed + dim, packed + PackedQuerySize(dim), std::int16_t{0});
  return largest / packed_max;
}

void ScoreCodeRowsAt(const std::int16_t* packed, float query_scale, const std::uint8_t* rows,
                     std::span<const std::uint32_t> positions, std::size_t dim, float* out) {
  HWY_DYNAMIC_DISPATCH(ScoreCodeRowsAt)
  (packed, query_scale, rows, positions.data(), positions.size(), dim, out);
}

void ScoreCodeRowsAtNaive(const std::int16_t* packed, float query_scale, const std::uint8_t* rows,
                          std::span<const std::uint32_t> positions, std::size_t dim, float* out) {
  for (std::size_t p = 0; p < positions.size(); ++p) {
    const std::uint8_t* row = rows + positions[p] * CodeRowBytes(dim);
    float scale = 0;
    std::memcpy(&scale, row, sizeof(scale));
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < dim; ++i) {
      std::int8_t code = 0;
      std::memcpy(&code, row + sizeof(scale) + i, 1);
      sum += packed[i] * code;
    }
    out[p] = scale * query_scale * static_cast<float>(sum);
  }
}

}  // namespace dashi::index
#endif  // HWY_ONCE
