#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dashi::index {

/// SIMD kernels over float32 and IEEE binary16 vectors, dispatched at run time (AVX-512, AVX2,
/// SSE4, NEON) by Highway. Each has a naive twin in vector_kernels_naive.h that tests compare it
/// with. DotHalf, ScoreHalfRows and ScoreHalfRowsAt give the same bits for the same query and row.
///
/// Threads: pure functions.
/// Cost:    bound by memory bandwidth for vectors out of cache.

/// Returns sum a[i] * b[i].  Shape: a, b [dim].
float Dot(const float* a, const float* b, std::size_t dim);
/// The same with b in binary16, accumulated in float32.
float DotHalf(const float* a, const std::uint16_t* b, std::size_t dim);
/// The same with both in binary16.
float DotHalves(const std::uint16_t* a, const std::uint16_t* b, std::size_t dim);
/// out[r] = <query, rows[r]>.  Shape: query [dim], rows [num_rows, dim] binary16, out [num_rows].
void ScoreHalfRows(const float* query, const std::uint16_t* rows, std::size_t num_rows,
                   std::size_t dim, float* out);
/// out[i] = <query, rows[positions[i]]>, fetching rows ahead.  Shape: out [positions.size()].
void ScoreHalfRowsAt(const float* query, const std::uint16_t* rows,
                     std::span<const std::uint32_t> positions, std::size_t dim, float* out);
/// y += a * x.  Shape: x, y [dim].
void AddScaled(float a, const float* x, float* y, std::size_t dim);
/// y += a * x with x in binary16.
void AddScaledHalf(float a, const std::uint16_t* x, float* y, std::size_t dim);
/// out = M x (row-major M).  Shape: M [num_rows, dim], x [dim], out [num_rows].
void MatrixVector(const float* matrix, const float* x, std::size_t num_rows, std::size_t dim,
                  float* out);
/// Scales to unit L2 norm; a zero vector stays zero. Returns the norm it had.
float NormalizeInPlace(float* x, std::size_t dim);
/// Conversions, round to nearest even; out-of-range values become infinity.
void ToHalf(const float* in, std::uint16_t* out, std::size_t size);
void FromHalf(const std::uint16_t* in, float* out, std::size_t size);

/// Rows in a panel of PackPanels.
inline constexpr std::size_t kPanelRows = 32;
/// Floats that PackPanels writes.
constexpr std::size_t PackedPanelSize(std::size_t num_rows, std::size_t dim) {
  return (num_rows + kPanelRows - 1) / kPanelRows * kPanelRows * dim;
}
/// Widens rows to float32 in panels of 32 rows, column by column; missing rows are zero.
/// Shape: rows [num_rows, dim] binary16; out [ceil(num_rows / 32), dim, 32].
void PackPanels(const std::uint16_t* rows, std::size_t num_rows, std::size_t dim, float* out);
/// Scores every query against every packed row (a matrix product). The bits of a score depend on
/// its query and row alone. Shape: queries [num_queries, dim]; out [num_queries, stride], of which
/// ceil(num_rows / 32) * 32
///        columns are written; stride is at least that.
void ScorePanels(const float* queries, std::size_t num_queries, const float* panels,
                 std::size_t num_rows, std::size_t dim, std::size_t stride, float* out);
/// Returns the first i in [begin, size) with values[i] > threshold, or size.
std::size_t FindAbove(const float* values, std::size_t begin, std::size_t size, float threshold);

/// The name of the instruction set that the kernels run on here, e.g. "AVX3".
const char* KernelTarget();
/// The instruction sets that this program holds and this processor runs, best first.
std::vector<std::string> KernelTargets();
/// Makes the kernels run on one of KernelTargets(); empty = the best. For tests and benchmarks.
///
/// Threads: not while another thread is in a kernel.
/// Returns: false for a name that is not in KernelTargets().
bool ForceKernelTarget(std::string_view name);

}  // namespace dashi::index
