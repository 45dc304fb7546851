#include "index/vector_kernels_naive.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "index/vector_kernels.h"

namespace dashi::index::naive {

namespace {

/// binary16: sign, 5 bits of exponent biased by 15, 10 bits of fraction.
float HalfToFloat(std::uint16_t half) {
  const int exponent = (half >> 10) & 0x1F;
  const int fraction = half & 0x3FF;
  const float sign = (half & 0x8000) != 0 ? -1.0F : 1.0F;
  if (exponent == 31) {
    return fraction != 0 ? std::numeric_limits<float>::quiet_NaN()
                         : sign * std::numeric_limits<float>::infinity();
  }
  if (exponent == 0) {
    return sign * std::ldexp(static_cast<float>(fraction), -24);
  }
  return sign * std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
}

std::uint16_t FloatToHalf(float value) {
  const std::uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value)) {
    return static_cast<std::uint16_t>(sign | 0x7E00);
  }
  const double magnitude = std::fabs(static_cast<double>(value));
  if (magnitude >= 65520.0) {  // rounds above the largest finite value, 65504
    return static_cast<std::uint16_t>(sign | 0x7C00);
  }
  int exponent = 0;
  std::frexp(magnitude, &exponent);           // magnitude = m * 2^exponent, m in [0.5, 1)
  const int scale = std::max(exponent, -13);  // the smallest normal number is 2^-14
  // nearbyint rounds half to even. The result may carry into the exponent, which is right.
  const auto units = static_cast<int>(std::nearbyint(std::ldexp(magnitude, 11 - scale)));
  const int biased = magnitude == 0 ? 0 : scale + 13;
  return static_cast<std::uint16_t>(sign | (biased * 1024 + units));
}

}  // namespace

float Dot(const float* a, const float* b, std::size_t dim) {
  double sum = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    sum += static_cast<double>(a[i]) * b[i];
  }
  return static_cast<float>(sum);
}

float DotHalf(const float* a, const std::uint16_t* b, std::size_t dim) {
  double sum = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    sum += static_cast<double>(a[i]) * HalfToFloat(b[i]);
  }
  return static_cast<float>(sum);
}

float DotHalves(const std::uint16_t* a, const std::uint16_t* b, std::size_t dim) {
  std::vector<float> wide(dim);
  FromHalf(a, wide.data(), dim);
  return DotHalf(wide.data(), b, dim);
}

void ScoreHalfRows(const float* query, const std::uint16_t* rows, std::size_t num_rows,
                   std::size_t dim, float* out) {
  for (std::size_t r = 0; r < num_rows; ++r) {
    out[r] = DotHalf(query, rows + r * dim, dim);
  }
}

void ScoreHalfRowsAt(const float* query, const std::uint16_t* rows,
                     std::span<const std::uint32_t> positions, std::size_t dim, float* out) {
  for (std::size_t i = 0; i < positions.size(); ++i) {
    out[i] = DotHalf(query, rows + positions[i] * dim, dim);
  }
}

void AddScaled(float a, const float* x, float* y, std::size_t dim) {
  for (std::size_t i = 0; i < dim; ++i) {
    y[i] += a * x[i];
  }
}

void AddScaledHalf(float a, const std::uint16_t* x, float* y, std::size_t dim) {
  for (std::size_t i = 0; i < dim; ++i) {
    y[i] += a * HalfToFloat(x[i]);
  }
}

void MatrixVector(const float* matrix, const float* x, std::size_t num_rows, std::size_t dim,
                  float* out) {
  for (std::size_t r = 0; r < num_rows; ++r) {
    out[r] = Dot(matrix + r * dim, x, dim);
  }
}

float NormalizeInPlace(float* x, std::size_t dim) {
  double square = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    square += static_cast<double>(x[i]) * x[i];
  }
  const double norm = std::sqrt(square);
  for (std::size_t i = 0; i < dim && norm > 0; ++i) {
    x[i] = static_cast<float>(x[i] / norm);
  }
  return static_cast<float>(norm);
}

void ToHalf(const float* in, std::uint16_t* out, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    out[i] = FloatToHalf(in[i]);
  }
}

void FromHalf(const std::uint16_t* in, float* out, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    out[i] = HalfToFloat(in[i]);
  }
}

void PackPanels(const std::uint16_t* rows, std::size_t num_rows, std::size_t dim, float* out) {
  for (std::size_t r = 0; r < (num_rows + kPanelRows - 1) / kPanelRows * kPanelRows; ++r) {
    for (std::size_t i = 0; i < dim; ++i) {
      out[(r / kPanelRows * dim + i) * kPanelRows + r % kPanelRows] =
          r < num_rows ? HalfToFloat(rows[r * dim + i]) : 0.0F;
    }
  }
}

void ScorePanels(const float* queries, std::size_t num_queries, const float* panels,
                 std::size_t num_rows, std::size_t dim, std::size_t stride, float* out) {
  for (std::size_t q = 0; q < num_queries; ++q) {
    for (std::size_t r = 0; r < (num_rows + kPanelRows - 1) / kPanelRows * kPanelRows; ++r) {
      double sum = 0;
      for (std::size_t i = 0; i < dim; ++i) {
        sum += static_cast<double>(queries[q * dim + i]) *
               panels[(r / kPanelRows * dim + i) * kPanelRows + r % kPanelRows];
      }
      out[q * stride + r] = static_cast<float>(sum);
    }
  }
}

std::size_t FindAbove(const float* values, std::size_t begin, std::size_t size, float threshold) {
  while (begin < size && !(values[begin] > threshold)) {
    ++begin;
  }
  return begin;
}

}  // namespace dashi::index::naive
