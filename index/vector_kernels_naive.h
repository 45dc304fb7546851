#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

/// The definitions that vector_kernels.h must agree with: plain loops, double accumulators, and
/// conversions written from the IEEE 754 definition of binary16.
namespace dashi::index::naive {

float Dot(const float* a, const float* b, std::size_t dim);
float DotHalf(const float* a, const std::uint16_t* b, std::size_t dim);
float DotHalves(const std::uint16_t* a, const std::uint16_t* b, std::size_t dim);
void ScoreHalfRows(const float* query, const std::uint16_t* rows, std::size_t num_rows,
                   std::size_t dim, float* out);
void ScoreHalfRowsAt(const float* query, const std::uint16_t* rows,
                     std::span<const std::uint32_t> positions, std::size_t dim, float* out);
void AddScaled(float a, const float* x, float* y, std::size_t dim);
void AddScaledHalf(float a, const std::uint16_t* x, float* y, std::size_t dim);
void MatrixVector(const float* matrix, const float* x, std::size_t num_rows, std::size_t dim,
                  float* out);
float NormalizeInPlace(float* x, std::size_t dim);
void ToHalf(const float* in, std::uint16_t* out, std::size_t size);
void FromHalf(const std::uint16_t* in, float* out, std::size_t size);
void PackPanels(const std::uint16_t* rows, std::size_t num_rows, std::size_t dim, float* out);
void ScorePanels(const float* queries, std::size_t num_queries, const float* panels,
                 std::size_t num_rows, std::size_t dim, std::size_t stride, float* out);
std::size_t FindAbove(const float* values, std::size_t begin, std::size_t size, float threshold);

}  // namespace dashi::index::naive
