// Compiled once per instruction set: foreach_target.h includes this file again for each.

// Instruction sets that add nothing for these kernels, or whose vectors have no size at compile
// time.
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

#include "index/vector_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "index/vector_kernels.cc"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>  // must come before highway.h
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace dashi::index::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Wide = hn::ScalableTag<float>;
using Vec = hn::Vec<Wide>;
constexpr std::size_t kLanes = hn::MaxLanes(Wide());

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON
#define DASHI_NATIVE_HALF 1
#else
#define DASHI_NATIVE_HALF 0
#endif

// Widens kLanes binary16 values.
HWY_INLINE Vec LoadHalf(const std::uint16_t* in) {
  const Wide d;
#if DASHI_NATIVE_HALF
  const hn::Rebind<hwy::float16_t, Wide> half;
  return hn::PromoteTo(d, hn::LoadU(half, reinterpret_cast<const hwy::float16_t*>(in)));
#else
  // Moves exponent and fraction to their float32 places and corrects the bias by an exact product,
  // which makes subnormal numbers right as well; infinity and NaN get the largest exponent.
  const hn::Rebind<std::uint16_t, Wide> half;
  const hn::Rebind<std::uint32_t, Wide> bits;
  const auto raw = hn::PromoteTo(bits, hn::LoadU(half, in));
  const auto magnitude = hn::ShiftLeft<13>(hn::And(raw, hn::Set(bits, 0x7FFFU)));
  const auto sign = hn::ShiftLeft<16>(hn::And(raw, hn::Set(bits, 0x8000U)));
  const auto scaled = hn::BitCast(
      bits, hn::Mul(hn::BitCast(d, magnitude), hn::BitCast(d, hn::Set(bits, 0x77800000U))));
  const auto special_bits = hn::Set(bits, 0x7C00U << 13);
  const auto is_special = hn::Eq(hn::And(magnitude, special_bits), special_bits);
  const auto special = hn::Or(magnitude, hn::Set(bits, 0x7F800000U));
  return hn::BitCast(d, hn::Or(sign, hn::IfThenElse(is_special, special, scaled)));
#endif
}

// The same for fewer than kLanes values; the rest are zero.
HWY_INLINE Vec LoadHalfTail(const std::uint16_t* in, std::size_t size) {
  HWY_ALIGN std::uint16_t padded[kLanes] = {};
  std::memcpy(padded, in, size * sizeof(*in));
  return LoadHalf(padded);
}

HWY_INLINE Vec LoadWide(const float* in) { return hn::LoadU(Wide(), in); }

HWY_INLINE Vec LoadWideTail(const float* in, std::size_t size) {
  HWY_ALIGN float padded[kLanes] = {};
  std::memcpy(padded, in, size * sizeof(*in));
  return hn::Load(Wide(), padded);
}

HWY_INLINE Vec LoadAny(const float* in) { return LoadWide(in); }
HWY_INLINE Vec LoadAny(const std::uint16_t* in) { return LoadHalf(in); }
HWY_INLINE Vec LoadAnyTail(const float* in, std::size_t size) { return LoadWideTail(in, size); }
HWY_INLINE Vec LoadAnyTail(const std::uint16_t* in, std::size_t size) {
  return LoadHalfTail(in, size);
}

HWY_INLINE float Total(Vec v) { return hn::GetLane(hn::SumOfLanes(Wide(), v)); }

HWY_INLINE std::uint16_t RoundToHalf(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) {
    return static_cast<std::uint16_t>(sign | 0x7E00U);
  }
  if (magnitude >= 0x477FF000U) {  // 65520 and above
    return static_cast<std::uint16_t>(sign | 0x7C00U);
  }
  if (magnitude < 0x38800000U) {
    // Subnormal: adding 0.5 puts the last kept bit at the float's last place, so the processor
    // rounds.
    float shifted = 0;
    std::memcpy(&shifted, &magnitude, sizeof(shifted));
    shifted += 0.5F;
    std::memcpy(&bits, &shifted, sizeof(bits));
    return static_cast<std::uint16_t>(sign | (bits - 0x3F000000U));
  }
  const std::uint32_t odd = (magnitude >> 13) & 1U;
  return static_cast<std::uint16_t>(sign | ((magnitude - 0x38000000U + 0xFFFU + odd) >> 13));
}

// One row against a vector: two sums, so that each row of DotRows4 adds in the same order.
template <typename A, typename B>
HWY_INLINE float DotOne(const A* HWY_RESTRICT a, const B* HWY_RESTRICT b, std::size_t dim) {
  Vec sum0 = hn::Zero(Wide());
  Vec sum1 = hn::Zero(Wide());
  std::size_t i = 0;
  for (; i + 2 * kLanes <= dim; i += 2 * kLanes) {
    sum0 = hn::MulAdd(LoadAny(a + i), LoadAny(b + i), sum0);
    sum1 = hn::MulAdd(LoadAny(a + i + kLanes), LoadAny(b + i + kLanes), sum1);
  }
  if (i + kLanes <= dim) {
    sum0 = hn::MulAdd(LoadAny(a + i), LoadAny(b + i), sum0);
    i += kLanes;
  }
  if (i < dim) {
    sum1 = hn::MulAdd(LoadAnyTail(a + i, dim - i), LoadAnyTail(b + i, dim - i), sum1);
  }
  return Total(hn::Add(sum0, sum1));
}

// Four rows at once: the loads of `a` are shared and eight sums hide the latency of the additions.
template <typename B>
HWY_INLINE void DotRows4(const float* HWY_RESTRICT a, const B* HWY_RESTRICT r0,
                         const B* HWY_RESTRICT r1, const B* HWY_RESTRICT r2,
                         const B* HWY_RESTRICT r3, std::size_t dim, float* HWY_RESTRICT out) {
  const Vec zero = hn::Zero(Wide());
  Vec s00 = zero, s01 = zero, s10 = zero, s11 = zero;
  Vec s20 = zero, s21 = zero, s30 = zero, s31 = zero;
  std::size_t i = 0;
  for (; i + 2 * kLanes <= dim; i += 2 * kLanes) {
    const Vec a0 = LoadWide(a + i);
    const Vec a1 = LoadWide(a + i + kLanes);
    s00 = hn::MulAdd(a0, LoadAny(r0 + i), s00);
    s10 = hn::MulAdd(a0, LoadAny(r1 + i), s10);
    s20 = hn::MulAdd(a0, LoadAny(r2 + i), s20);
    s30 = hn::MulAdd(a0, LoadAny(r3 + i), s30);
    s01 = hn::MulAdd(a1, LoadAny(r0 + i + kLanes), s01);
    s11 = hn::MulAdd(a1, LoadAny(r1 + i + kLanes), s11);
    s21 = hn::MulAdd(a1, LoadAny(r2 + i + kLanes), s21);
    s31 = hn::MulAdd(a1, LoadAny(r3 + i + kLanes), s31);
  }
  if (i + kLanes <= dim) {
    const Vec a0 = LoadWide(a + i);
    s00 = hn::MulAdd(a0, LoadAny(r0 + i), s00);
    s10 = hn::MulAdd(a0, LoadAny(r1 + i), s10);
    s20 = hn::MulAdd(a0, LoadAny(r2 + i), s20);
    s30 = hn::MulAdd(a0, LoadAny(r3 + i), s30);
    i += kLanes;
  }
  if (i < dim) {
    const std::size_t rest = dim - i;
    const Vec a0 = LoadWideTail(a + i, rest);
    s01 = hn::MulAdd(a0, LoadAnyTail(r0 + i, rest), s01);
    s11 = hn::MulAdd(a0, LoadAnyTail(r1 + i, rest), s11);
    s21 = hn::MulAdd(a0, LoadAnyTail(r2 + i, rest), s21);
    s31 = hn::MulAdd(a0, LoadAnyTail(r3 + i, rest), s31);
  }
  out[0] = Total(hn::Add(s00, s01));
  out[1] = Total(hn::Add(s10, s11));
  out[2] = Total(hn::Add(s20, s21));
  out[3] = Total(hn::Add(s30, s31));
}

float Dot(const float* a, const float* b, std::size_t dim) { return DotOne(a, b, dim); }

float DotHalf(const float* a, const std::uint16_t* b, std::size_t dim) { return DotOne(a, b, dim); }

float DotHalves(const std::uint16_t* a, const std::uint16_t* b, std::size_t dim) {
  return DotOne(a, b, dim);
}

HWY_INLINE void PrefetchRow(const std::uint16_t* row, std::size_t dim) {
  for (std::size_t i = 0; i < dim; i += 32) {  // a cache line holds 32 binary16 values
    hwy::Prefetch(row + i);
  }
}

void ScoreHalfRows(const float* query, const std::uint16_t* rows, std::size_t num_rows,
                   std::size_t dim, float* out) {
  // The next rows lie behind these: the processor streams them, this only hides page borders.
  constexpr std::size_t kAhead = 8;
  std::size_t r = 0;
  for (; r + 4 <= num_rows; r += 4) {
    const std::uint16_t* row = rows + r * dim;
    if (r + kAhead + 4 <= num_rows) {
      PrefetchRow(row + kAhead * dim, 4 * dim);
    }
    DotRows4(query, row, row + dim, row + 2 * dim, row + 3 * dim, dim, out + r);
  }
  for (; r < num_rows; ++r) {
    out[r] = DotOne(query, rows + r * dim, dim);
  }
}

void ScoreHalfRowsAt(const float* query, const std::uint16_t* rows, const std::uint32_t* positions,
                     std::size_t num_positions, std::size_t dim, float* out) {
  constexpr std::size_t kAhead = 8;
  const auto row = [&](std::size_t i) {
    return rows + static_cast<std::size_t>(positions[i]) * dim;
  };
  for (std::size_t i = 0; i < std::min(kAhead, num_positions); ++i) {
    PrefetchRow(row(i), dim);
  }
  std::size_t i = 0;
  for (; i + 4 <= num_positions; i += 4) {
    for (std::size_t next = i + kAhead; next < std::min(i + kAhead + 4, num_positions); ++next) {
      PrefetchRow(row(next), dim);
    }
    DotRows4(query, row(i), row(i + 1), row(i + 2), row(i + 3), dim, out + i);
  }
  for (; i < num_positions; ++i) {
    out[i] = DotOne(query, row(i), dim);
  }
}

template <typename X>
HWY_INLINE void AddScaledAny(float a, const X* HWY_RESTRICT x, float* HWY_RESTRICT y,
                             std::size_t dim) {
  const Wide d;
  const Vec factor = hn::Set(d, a);
  std::size_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) {
    hn::StoreU(hn::MulAdd(factor, LoadAny(x + i), LoadWide(y + i)), d, y + i);
  }
  if (i < dim) {
    HWY_ALIGN float sums[kLanes];
    hn::Store(hn::MulAdd(factor, LoadAnyTail(x + i, dim - i), LoadWideTail(y + i, dim - i)), d,
              sums);
    std::memcpy(y + i, sums, (dim - i) * sizeof(float));
  }
}

void AddScaled(float a, const float* x, float* y, std::size_t dim) { AddScaledAny(a, x, y, dim); }

void AddScaledHalf(float a, const std::uint16_t* x, float* y, std::size_t dim) {
  AddScaledAny(a, x, y, dim);
}

void MatrixVector(const float* matrix, const float* x, std::size_t num_rows, std::size_t dim,
                  float* out) {
  std::size_t r = 0;
  for (; r + 4 <= num_rows; r += 4) {
    const float* row = matrix + r * dim;
    DotRows4(x, row, row + dim, row + 2 * dim, row + 3 * dim, dim, out + r);
  }
  for (; r < num_rows; ++r) {
    out[r] = DotOne(matrix + r * dim, x, dim);
  }
}

void Scale(float factor, float* x, std::size_t dim) {
  const Wide d;
  std::size_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) {
    hn::StoreU(hn::Mul(hn::Set(d, factor), LoadWide(x + i)), d, x + i);
  }
  for (; i < dim; ++i) {
    x[i] *= factor;
  }
}

void ToHalf(const float* in, std::uint16_t* out, std::size_t size) {
  std::size_t i = 0;
#if DASHI_NATIVE_HALF
  const hn::Rebind<hwy::float16_t, Wide> half;
  for (; i + kLanes <= size; i += kLanes) {
    hn::StoreU(hn::DemoteTo(half, LoadWide(in + i)), half,
               reinterpret_cast<hwy::float16_t*>(out + i));
  }
#endif
  for (; i < size; ++i) {
    out[i] = RoundToHalf(in[i]);
  }
}

void FromHalf(const std::uint16_t* in, float* out, std::size_t size) {
  std::size_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    hn::StoreU(LoadHalf(in + i), Wide(), out + i);
  }
  if (i < size) {
    HWY_ALIGN float wide[kLanes];
    hn::Store(LoadHalfTail(in + i, size - i), Wide(), wide);
    std::memcpy(out + i, wide, (size - i) * sizeof(float));
  }
}

void PackPanels(const std::uint16_t* rows, std::size_t num_rows, std::size_t dim, float* out) {
  // Rows are widened in strips of columns that stay in the first-level cache, then transposed.
  constexpr std::size_t kStrip = 64;
  float wide[kPanelRows][kStrip];
  for (std::size_t first = 0; first < num_rows; first += kPanelRows) {
    const std::size_t filled = std::min(kPanelRows, num_rows - first);
    for (std::size_t r = filled; r < kPanelRows; ++r) {
      std::memset(wide[r], 0, sizeof(wide[r]));
    }
    for (std::size_t column = 0; column < dim; column += kStrip) {
      const std::size_t width = std::min(kStrip, dim - column);
      for (std::size_t r = 0; r < filled; ++r) {
        FromHalf(rows + (first + r) * dim + column, wide[r], width);
      }
      for (std::size_t i = 0; i < width; ++i, out += kPanelRows) {
        for (std::size_t r = 0; r < kPanelRows; ++r) {
          out[r] = wide[r][i];
        }
      }
    }
  }
}

// kQueries queries against 2 * kLanes packed rows: all sums stay in registers.
template <std::size_t kQueries>
HWY_INLINE void ScoreTile(const float* HWY_RESTRICT queries, const float* HWY_RESTRICT panel,
                          std::size_t dim, std::size_t stride, float* HWY_RESTRICT out) {
  const Wide d;
  Vec sums[kQueries][2];
  for (std::size_t q = 0; q < kQueries; ++q) {
    sums[q][0] = hn::Zero(d);
    sums[q][1] = hn::Zero(d);
  }
  for (std::size_t i = 0; i < dim; ++i) {
    const Vec rows0 = LoadWide(panel + i * kPanelRows);
    const Vec rows1 = LoadWide(panel + i * kPanelRows + kLanes);
    HWY_UNROLL(8)
    for (std::size_t q = 0; q < kQueries; ++q) {
      const Vec value = hn::Set(d, queries[q * dim + i]);
      sums[q][0] = hn::MulAdd(value, rows0, sums[q][0]);
      sums[q][1] = hn::MulAdd(value, rows1, sums[q][1]);
    }
  }
  for (std::size_t q = 0; q < kQueries; ++q) {
    hn::StoreU(sums[q][0], d, out + q * stride);
    hn::StoreU(sums[q][1], d, out + q * stride + kLanes);
  }
}

void ScorePanels(const float* queries, std::size_t num_queries, const float* panels,
                 std::size_t num_rows, std::size_t dim, std::size_t stride, float* out) {
  constexpr std::size_t kTile = HWY_TARGET == HWY_AVX3 ? 8 : 4;
  for (std::size_t first = 0; first < num_rows; first += kPanelRows) {
    const float* panel = panels + first * dim;
    for (std::size_t part = 0; part < kPanelRows; part += 2 * kLanes) {
      std::size_t q = 0;
      for (; q + kTile <= num_queries; q += kTile) {
        ScoreTile<kTile>(queries + q * dim, panel + part, dim, stride,
                         out + q * stride + first + part);
      }
      for (; q < num_queries; ++q) {
        ScoreTile<1>(queries + q * dim, panel + part, dim, stride, out + q * stride + first + part);
      }
    }
  }
}

std::size_t FindAbove(const float* values, std::size_t begin, std::size_t size, float threshold) {
  const Wide d;
  const Vec limit = hn::Set(d, threshold);
  for (; begin + kLanes <= size; begin += kLanes) {
    const std::intptr_t found = hn::FindFirstTrue(d, hn::Gt(LoadWide(values + begin), limit));
    if (found >= 0) {
      return begin + static_cast<std::size_t>(found);
    }
  }
  while (begin < size && !(values[begin] > threshold)) {
    ++begin;
  }
  return begin;
}

const char* TargetName() { return hwy::TargetName(HWY_TARGET); }

#undef DASHI_NATIVE_HALF

}  // namespace dashi::index::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace dashi::index {

HWY_EXPORT(Dot);
HWY_EXPORT(DotHalf);
HWY_EXPORT(DotHalves);
HWY_EXPORT(ScoreHalfRows);
HWY_EXPORT(ScoreHalfRowsAt);
HWY_EXPORT(AddScaled);
HWY_EXPORT(AddScaledHalf);
HWY_EXPORT(MatrixVector);
HWY_EXPORT(Scale);
HWY_EXPORT(ToHalf);
HWY_EXPORT(FromHalf);
HWY_EXPORT(PackPanels);
HWY_EXPORT(ScorePanels);
HWY_EXPORT(FindAbove);
HWY_EXPORT(TargetName);

float Dot(const float* a, const float* b, std::size_t dim) {
  return HWY_DYNAMIC_DISPATCH(Dot)(a, b, dim);
}

float DotHalf(const float* a, const std::uint16_t* b, std::size_t dim) {
  return HWY_DYNAMIC_DISPATCH(DotHalf)(a, b, dim);
}

float DotHalves(const std::uint16_t* a, const std::uint16_t* b, std::size_t dim) {
  return HWY_DYNAMIC_DISPATCH(DotHalves)(a, b, dim);
}

void ScoreHalfRows(const float* query, const std::uint16_t* rows, std::size_t num_rows,
                   std::size_t dim, float* out) {
  HWY_DYNAMIC_DISPATCH(ScoreHalfRows)(query, rows, num_rows, dim, out);
}

void ScoreHalfRowsAt(const float* query, const std::uint16_t* rows,
                     std::span<const std::uint32_t> positions, std::size_t dim, float* out) {
  HWY_DYNAMIC_DISPATCH(ScoreHalfRowsAt)(query, rows, positions.data(), positions.size(), dim, out);
}

void AddScaled(float a, const float* x, float* y, std::size_t dim) {
  HWY_DYNAMIC_DISPATCH(AddScaled)(a, x, y, dim);
}

void AddScaledHalf(float a, const std::uint16_t* x, float* y, std::size_t dim) {
  HWY_DYNAMIC_DISPATCH(AddScaledHalf)(a, x, y, dim);
}

void MatrixVector(const float* matrix, const float* x, std::size_t num_rows, std::size_t dim,
                  float* out) {
  HWY_DYNAMIC_DISPATCH(MatrixVector)(matrix, x, num_rows, dim, out);
}

float NormalizeInPlace(float* x, std::size_t dim) {
  const float norm = std::sqrt(Dot(x, x, dim));
  if (norm > 1e-15F && norm < 1e15F) {
    HWY_DYNAMIC_DISPATCH(Scale)(1.0F / norm, x, dim);
    return norm;
  }
  // The squares may have left the range of float32.
  double square = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    square += static_cast<double>(x[i]) * x[i];
  }
  const double wide_norm = std::sqrt(square);
  for (std::size_t i = 0; i < dim && wide_norm > 0; ++i) {
    x[i] = static_cast<float>(x[i] / wide_norm);
  }
  return static_cast<float>(wide_norm);
}

void ToHalf(const float* in, std::uint16_t* out, std::size_t size) {
  HWY_DYNAMIC_DISPATCH(ToHalf)(in, out, size);
}

void FromHalf(const std::uint16_t* in, float* out, std::size_t size) {
  HWY_DYNAMIC_DISPATCH(FromHalf)(in, out, size);
}

void PackPanels(const std::uint16_t* rows, std::size_t num_rows, std::size_t dim, float* out) {
  HWY_DYNAMIC_DISPATCH(PackPanels)(rows, num_rows, dim, out);
}

void ScorePanels(const float* queries, std::size_t num_queries, const float* panels,
                 std::size_t num_rows, std::size_t dim, std::size_t stride, float* out) {
  HWY_DYNAMIC_DISPATCH(ScorePanels)(queries, num_queries, panels, num_rows, dim, stride, out);
}

std::size_t FindAbove(const float* values, std::size_t begin, std::size_t size, float threshold) {
  return HWY_DYNAMIC_DISPATCH(FindAbove)(values, begin, size, threshold);
}

const char* KernelTarget() { return HWY_DYNAMIC_DISPATCH(TargetName)(); }

std::vector<std::string> KernelTargets() {
  std::vector<std::string> names;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    names.emplace_back(hwy::TargetName(target));
  }
  return names;
}

bool ForceKernelTarget(std::string_view name) {
  hwy::SetSupportedTargetsForTest(0);
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    if (hwy::TargetName(target) == name) {
      hwy::SetSupportedTargetsForTest(target);
      return true;
    }
  }
  return name.empty();
}

}  // namespace dashi::index
#endif  // HWY_ONCE
